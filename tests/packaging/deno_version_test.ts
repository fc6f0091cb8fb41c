import { assertEquals } from "@std/assert";
import { describeVersionMismatches } from "../../src/packaging/run_deno.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

/** A program that answers `--version` with this. */
async function denoSaying(path: string, text: string): Promise<{ path: string }> {
  await Deno.writeTextFile(path, `#!/bin/sh\n[ "$1" = --version ] && echo '${text}'\n`, {
    mode: 0o755,
  });
  return { path };
}

testWith(
  [POSIX],
  "a Deno of another version than the pinned one is named, with its part",
  async () => {
    await using folder = await temporaryFolder();
    const old = await denoSaying(folder.at("old"), "deno 2.4.2 (stable)");
    const silent = await denoSaying(folder.at("silent"), "");
    const pinned = { path: Deno.execPath() };
    const lines = (bundler: { path: string }, compiler: { path: string }) =>
      describeVersionMismatches(
        [{ does: "bundles", deno: bundler }, { does: "compiles", deno: compiler }],
        Deno.version.deno,
      );
    const end = `not the pinned ${Deno.version.deno}: do not ship the programs`;
    assertEquals(await lines(pinned, pinned), []);
    assertEquals(await lines(pinned, old), [`Deno 2.4.2 compiles, ${end}`]);
    assertEquals(await lines(old, pinned), [`Deno 2.4.2 bundles, ${end}`]);
    assertEquals(await lines(old, silent), [
      `Deno 2.4.2 bundles, ${end}`,
      `Deno of an unknown version compiles, ${end}`,
    ]);
  },
);
