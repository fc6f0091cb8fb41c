import { COMMANDS } from "../../src/cli/command_table.ts";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { describeCommands } from "../../src/cli/command_metadata.ts";
import { EXIT } from "../../src/cli/exit_codes.ts";
import { EXIT_MEANINGS } from "../../src/cli/exit_codes.ts";
import { runProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("the manual has every command, with its options", async () => {
  const { code, stdout } = await runProgram(["manual"]);
  assertEquals(code, 0);
  const text = stdout.replaceAll("\\-", "-");
  const ofEvery = text.split(".SH OPTIONS OF EVERY COMMAND\n")[1]!;
  for (const { name, options } of await describeCommands(COMMANDS)) {
    const [, section] = text.split(new RegExp(`^\\.SS "sentinel ${name}\\b.*\n`, "m"));
    const own = section!.split(/^\.S[SH] /m)[0]!;
    for (const { name, letter } of options) {
      assertStringIncludes(own + ofEvery, `\n.B ${letter ? `-${letter}, ` : ""}--${name}`);
    }
  }
});

Deno.test("every exit status has a meaning", () => {
  const known = EXIT_MEANINGS.map(([status]) => status);
  for (const status of Object.values(EXIT)) assertEquals(known.includes(String(status)), true);
});

testWith([needsProgram("mandoc")], "mandoc finds no mistake in the manual", async () => {
  await using folder = await temporaryFolder();
  const { stdout } = await runProgram(["manual"]);
  // a built program has its date there
  const dated = stdout.replace('.TH SENTINEL 1 ""', '.TH SENTINEL 1 "2026-01-31"');
  await Deno.writeTextFile(folder.at("sentinel.1"), dated);
  assertEquals(await runTool("mandoc", "-Tlint", "-Wwarning", folder.at("sentinel.1")), "");
});
