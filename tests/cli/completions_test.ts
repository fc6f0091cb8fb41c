import { COMMANDS } from "../../src/cli/command_table.ts";
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { describeCommands } from "../../src/cli/command_metadata.ts";
import { runProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const fixture = (name: string) => fromFileUrl(new URL(`../fixtures/${name}`, import.meta.url));

async function scriptFor(shell: string): Promise<string> {
  const { code, stdout, stderr } = await runProgram(["completions", shell]);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

/** Candidates for the last word of a line. */
const LINES: readonly [typed: string, completed: string][] = [
  ["sentinel da", "daemon"],
  ["sentinel daemon rel", "reload"],
  ["sentinel daemon stop --pid", "--pid-file"],
  ["sentinel run --lic", "--license"],
  ["sentinel --license x --soft", "--software"],
  ["sentinel run --log-level inf", "info"],
  ["sentinel client li", "list"],
  ["sentinel service print sys", "systemd"],
  ["sentinel completions pow", "powershell"],
];

testWith([needsProgram("bash")], "bash completes commands, options and their words", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("script"), await scriptFor("bash"));
  const typed = LINES.map(([line]) => line);
  const found = await runTool("bash", fixture("complete.bash"), folder.at("script"), ...typed);
  assertEquals(found.trimEnd().split("\n"), LINES.map(([, completed]) => completed));
});

testWith([needsProgram("bash")], "bash offers every word that may come next", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("script"), await scriptFor("bash"));
  await Deno.writeTextFile(folder.at("acme.lic"), "");
  const lines = [
    "sentinel daemon ",
    "sentinel run --log-format ",
    `sentinel license verify ${folder.at("ac")}`,
    `sentinel run -- ${folder.at("ac")}`,
  ];
  const found = await runTool("bash", fixture("complete.bash"), folder.at("script"), ...lines);
  assertEquals(found.trimEnd().split("\n"), [
    "start stop restart status reload stats",
    "text json",
    folder.at("acme.lic"),
    folder.at("acme.lic"),
  ]);
});

testWith([needsProgram("zsh")], "zsh completes commands, options and their words", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("script"), await scriptFor("zsh"));
  const typed = LINES.map(([line]) => line);
  const found = await runTool("zsh", "-f", fixture("complete.zsh"), folder.at("script"), ...typed);
  const lastWords = found.trimEnd().split("\n").map((line) => line.trimEnd().split(" ").at(-1));
  assertEquals(
    lastWords.map((word) => word?.replace(/=$/, "")),
    LINES.map(([, completed]) => completed),
  );
});

testWith([needsProgram("fish")], "fish completes commands, options and their words", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("script"), await scriptFor("fish"));
  const asked = LINES.map(([line]) => `complete -C '${line}'`).join("; ");
  const found = await runTool("fish", "-N", "-c", `source ${folder.at("script")}; ${asked}`);
  assertEquals(
    found.trimEnd().split("\n").map((line) => line.split("\t")[0]),
    LINES.map(([, completed]) => completed),
  );
});

Deno.test("PowerShell's script names every command, with its options", async () => {
  const script = await scriptFor("powershell");
  for (const { name, options } of await describeCommands(COMMANDS)) {
    const line = script.split("\n").find((line) => line.startsWith(`    '${name}' = @(`)) ?? "";
    const named = Array.from(line.matchAll(/,@\('--([\w-]+)', /g), ([, option]) => option);
    assertEquals(named, options.map(({ name }) => name), name);
  }
});

Deno.test("an unknown shell is refused by name", async () => {
  assertEquals(await runProgram(["completions", "fihs"]), {
    code: 2,
    stdout: "",
    stderr: "sentinel: error: unknown shell: fihs (did you mean fish?)\n",
  });
});
