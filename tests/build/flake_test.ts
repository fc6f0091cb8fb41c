// Not on Windows: it is about the sources, which are the same there.
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { needsProgram, testWith } from "../support/requirements.ts";

const FLAKE = fromFileUrl(new URL("../../flake.nix", import.meta.url));

/** Whether Nix can parse it; nothing is built or fetched. */
async function parses(text: string): Promise<boolean> {
  const child = new Deno.Command("nix-instantiate", {
    args: ["--store", "dummy://", "--parse", "-"],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  return (await child.status).success;
}

testWith([needsProgram("nix-instantiate")], "Nix parses the flake", async () => {
  const flake = await Deno.readTextFile(FLAKE);
  assertEquals(await parses(flake), true);
  assertEquals(
    await parses(flake.replace("inherit (nixpkgs) lib;", "inherit (nixpkgs lib;")),
    false,
  );
});
