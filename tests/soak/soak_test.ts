import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { PERMISSIONS } from "../support/permissions.ts";
import { testWith } from "../support/requirements.ts";

/** Nobody has run it elsewhere. */
const LINUX = { reason: "not Linux", met: Deno.build.os === "linux" };

testWith([LINUX], "a short soak with a given seed holds all invariants", async () => {
  const path = fromFileUrl(new URL("soak.ts", import.meta.url));
  const options = ["--minutes", "0.15", "--runs", "2", "--outage-hours", "0", "--seed", "4"];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...PERMISSIONS, path, ...options, "--faults"],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  const said = text.decode(stderr) + text.decode(stdout);
  assertEquals(code, 0, said);
  assertMatch(said, /^seed 4\n/);
  assertMatch(said, / s {2}kill /);
  assertEquals(said.match(/^ok {6}/gm)?.length, 7, said);
});
