/** `deno run --allow-read build/release_notes.ts v1.2.3`: prints what the changelog says of a version that a tag names. */
import { standardOutput } from "../src/cli/output.ts";
import { VERSION } from "../src/core/build_info.ts";
import { notesOf } from "./changelog.ts";

const [tag = ""] = Deno.args;
const changelog = await Deno.readTextFile(new URL("../CHANGELOG.md", import.meta.url));
const notes = notesOf(changelog, VERSION);
if (tag !== `v${VERSION}`) {
  standardOutput.note(`the tag is ${tag || "missing"}, the program's version ${VERSION}`);
  Deno.exitCode = 1;
} else if (notes === undefined) {
  standardOutput.note(`CHANGELOG.md has no section [${VERSION}]`);
  Deno.exitCode = 1;
} else {
  standardOutput.result(notes);
}
