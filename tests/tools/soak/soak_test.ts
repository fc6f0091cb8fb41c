// Not on Windows: it starts POSIX programs.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { PERMISSIONS } from "../../support/permissions.ts";
import { testWith } from "../../support/requirements.ts";
import { resultOf } from "../../support/program.ts";

/** It has not been run elsewhere. */
const LINUX = { need: "Linux", met: Deno.build.os === "linux" };

/** What is looked at by then, whatever happened: an invariant of nothing holds always. */
const LOOKED = [
  /3 licenses, [1-9]\d* hours, [1-9]\d* heartbeats$/m,
  / [1-9]\d* processes, [1-9]\d* to their end, [1-9]\d* times watched$/m,
  / processes, [1-9]\d* files$/m,
  / (?:[2-9]|\d{2,}) lives of server and daemon, /,
  / (?:[4-9]|\d{2,}) ends$/m,
  / 4 programs$/m,
  / 3 machines$/m,
];

testWith([LINUX], "a short soak with a given seed holds all invariants", async () => {
  const path = fromFileUrl(new URL("../../../tools/soak/soak.ts", import.meta.url));
  const options = ["--minutes", "0.15", "--runs", "2", "--outage-hours", "0", "--seed", "4"];
  const { code, stdout, stderr } = await resultOf(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...PERMISSIONS, path, ...options, "--faults"],
  });
  const said = stderr + stdout;
  assertEquals(code, 0, said);
  assertMatch(said, /^seed 4\n/);
  assertMatch(said, / s {2}kill /);
  assertEquals(said.match(/^ok {6}/gm)?.length, 8, said);
  for (const looked of LOOKED) assert(looked.test(said), `${looked}: ${said}`);
});
