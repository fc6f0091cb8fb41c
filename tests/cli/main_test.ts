import { assertEquals, assertMatch } from "@std/assert";
import { runProgram } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("--log-level debug prints an error's causes below it, and no other level does", async () => {
  await using folder = await temporaryFolder();
  const args = ["vendor", "serve", "--key", folder.at("none"), "--database", folder.at("v.db")];
  const line = `sentinel: error: key file not found: ${folder.at("none")}`;
  assertEquals((await runProgram(args)).stderr, `${line}\n`);
  const { code, stderr } = await runProgram([...args, "--log-level", "debug"]);
  assertEquals(code, 2);
  const [first, cause, ...others] = stderr.trimEnd().split("\n");
  assertEquals([first, others], [line, []]);
  assertMatch(cause!, /^ {2}caused by: .*\(os error 2\)/);
});
