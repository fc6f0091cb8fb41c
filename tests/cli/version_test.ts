import { assertEquals, assertMatch } from "@std/assert";
import { VERSION } from "../../src/core/build_info.ts";
import { FROM_SOURCE, runProgram } from "../support/program.ts";
import { testWith } from "../support/requirements.ts";

Deno.test("--version prints one line, alone and after a command", async () => {
  for (const args of [["--version"], ["vendor", "list", "--version"]]) {
    assertEquals(await runProgram(args), {
      code: 0,
      stdout: `sentinel ${VERSION}\n`,
      stderr: "",
    });
  }
});

testWith(
  [FROM_SOURCE],
  "--version --json of a run from source has no built-in values",
  async () => {
    const { stdout } = await runProgram(["--version", "--json"]);
    const { runtime, ...facts } = JSON.parse(stdout);
    assertMatch(runtime, /^deno \d+\.\d+\.\d+, v8 \S+$/);
    assertEquals(facts, {
      ...{ version: VERSION, target: Deno.build.target },
      ...{ commit: null, built_at: null, profile: null, permissions: null },
      ...{
        organization_key: null,
        software_id: null,
        server_url: null,
        anti_tamper: null,
        ipc_peer: null,
      },
    });
  },
);
