import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { bundle } from "../../../src/packaging/program_modules.ts";
import { POSIX, testWith } from "../../support/requirements.ts";
import { temporaryFolder } from "../../support/temporary_folder.ts";

const ROOT = fromFileUrl(new URL("../../..", import.meta.url));

/** What the program itself needs of Node's, in parts that are loaded where it does. */
const NODE_MODULES = ["buffer", "crypto", "http", "https", "inspector", "sqlite", "tls"];

testWith(
  [POSIX],
  "no package brings modules of Node's along, which would slow down each start",
  async () => {
    await using folder = await temporaryFolder();
    await bundle(`${ROOT}main.ts`, {
      folder: folder.path,
      deno: { path: Deno.execPath(), cwd: ROOT },
    });
    const names = new Set<string>();
    for await (const { name } of Deno.readDir(folder.path)) {
      const text = await Deno.readTextFile(folder.at(name));
      for (const [, module] of text.matchAll(/"node:([a-z/]+)"/g)) names.add(module!);
    }
    assertEquals([...names].sort(), NODE_MODULES);
  },
);
