/** `deno task sbom`: prints the program's bill of materials, made of `deno.lock`. */
import { standardOutput } from "../src/cli/output.ts";
import { VERSION } from "../src/core/build_info.ts";
import { billOfMaterials } from "./bill_of_materials.ts";

const ROOT = new URL("..", import.meta.url);

const lock = JSON.parse(await Deno.readTextFile(new URL("deno.lock", ROOT)));
const denoVersion = (await Deno.readTextFile(new URL(".dvmrc", ROOT))).trim();
const bill = billOfMaterials({ lock, denoVersion, version: VERSION });
standardOutput.result(JSON.stringify(bill, undefined, 2));
