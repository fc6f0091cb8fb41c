// Not on Windows: the software is a shell script, and pipes have no paths there.
// Compiled as well: the program reads its standard input and its environment with the permissions it was compiled with.
/** A license from a pipe, from standard input or from a variable, with the real program. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { DaemonHarness, STAY } from "../support/daemon_harness.ts";
import { fileMatch } from "../support/file_match.ts";
import { type ProgramResult, RunningProgram, startProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { RunHarness } from "../support/run_harness.ts";
import { runTool } from "../support/run_tool.ts";
import { ask } from "../support/socket_peer.ts";

const PIPES = [needsProgram("mkfifo")];
const GET_LICENSE = '{"method":"get_license"}';

/** How a license reaches the program: the arguments that name it, the variable, and what is piped. */
interface Way {
  readonly named: (pipe: string) => readonly string[];
  readonly through: "variable" | "input" | "pipe";
}

const WAYS: Readonly<Record<string, Way>> = {
  "in the variable": { named: () => [], through: "variable" },
  "on standard input": { named: () => ["-"], through: "input" },
  "at /dev/stdin": { named: () => ["/dev/stdin"], through: "input" },
  "in a pipe": { named: (pipe) => [pipe], through: "pipe" },
};

const COMMANDS: readonly (readonly [command: string, usesOption: boolean])[] = [
  ["run", true],
  ["doctor", true],
  ["deactivate", true],
  ["license show", false],
  ["license verify", false],
];

/** Starts a command with its license given in one of the ways. */
async function start(
  harness: RunHarness,
  way: Way,
  { command, option, more = [] }: { command: string; option: boolean; more?: readonly string[] },
): Promise<RunningProgram> {
  const { at } = harness.folder;
  const text = await Deno.readTextFile(at("K1.lic"));
  const named = way.named(at("pipe"));
  const options = harness.programOptions(
    way.through === "variable" ? { SENTINEL_LICENSE_TEXT: text } : {},
  );
  const program = startProgram([
    ...command.split(" "),
    ...(option && named.length > 0 ? ["--license", ...named] : named),
    ...["--org-key", at("org_public_key.pem"), ...more],
  ], { ...options, stdin: way.through === "input" ? "piped" : "null" });
  if (way.through === "input") await program.input(text);
  if (way.through === "pipe") await Deno.writeTextFile(at("pipe"), text);
  return program;
}

async function run(...args: Parameters<typeof start>): Promise<ProgramResult> {
  await using program = await start(...args);
  return await program.end();
}

for (const [where, way] of Object.entries(WAYS)) {
  testWith(PIPES, `every command takes its license ${where}`, async () => {
    await using harness = await RunHarness.open();
    await runTool("mkfifo", harness.folder.at("pipe"));
    const software = await harness.script("software", "exit 3");
    const state = ["--state-dir", harness.folder.at("state")];
    const results: unknown[] = [];
    for (const [command, option] of COMMANDS) {
      const more = command === "run" ? [...state, "--software", software] : option ? state : [];
      const { code, stdout, stderr } = await run(harness, way, { command, option, more });
      results.push([command, code, stderr.includes("unknown variable")]);
      if (command === "license show") assertStringIncludes(stdout, "K1");
    }
    assertEquals(results, [
      ["run", 3, false],
      ["doctor", 0, false],
      ["deactivate", 0, false],
      ["license show", 0, false],
      ["license verify", 0, false],
    ]);
  });

  testWith(PIPES, `a reload keeps a license that came ${where}, and says so`, async () => {
    await using harness = await RunHarness.open();
    await runTool("mkfifo", harness.folder.at("pipe"));
    const software = await harness.script("software", STAY);
    const more = ["--state-dir", harness.folder.at("state"), "--software", software];
    await using program = await start(harness, way, { command: "run", option: true, more });
    const [, socket] = await fileMatch(harness.folder.path, {
      name: "software.starts",
      pattern: /\d+ (\S+)\n/,
    });
    program.kill("SIGHUP");
    await program.stderr.match(/the license stays: .* read at the start only/);
    assertStringIncludes((await ask(socket!, GET_LICENSE))!, '"license_key":"K1"');
    program.kill("SIGTERM");
    assertEquals((await program.end()).code, 0);
  });

  testWith(PIPES, `a daemon in the background takes its license ${where}`, async () => {
    await using harness = await DaemonHarness.open();
    await runTool("mkfifo", harness.at("pipe"));
    const toml = await Deno.readTextFile(harness.at("sentinel.toml"));
    await Deno.writeTextFile(harness.at("sentinel.toml"), toml.replace(/^path = "K1.lic"$/m, ""));
    const more = ["--config", harness.at("sentinel.toml")];
    const started = await run(harness.base, way, { command: "daemon start", option: true, more });
    assertEquals(started.code, 0, started.stderr);
    assertEquals((await harness.facts("reload"))["applied"], []);
    assertStringIncludes(await harness.log(), "the license stays: ");
    assertEquals((await harness.facts("status"))["license_status"], "ACTIVE");
    assertEquals((await harness.daemon("stop")).code, 0);
  });
}

Deno.test("the software does not see the variable of the license", async () => {
  await using harness = await RunHarness.open();
  const software = await harness.script("software", "env | grep -c '^SENTINEL_LICENSE' ; exit 0");
  const more = ["--state-dir", harness.folder.at("state"), "--software", software];
  const way = WAYS["in the variable"]!;
  const { code, stdout } = await run(harness, way, { command: "run", option: true, more });
  assertEquals([code, stdout], [0, "0\n"]);
});

Deno.test("a license file that is named beats the variable", async () => {
  await using harness = await RunHarness.open();
  await harness.issue("K2");
  const way: Way = { named: () => [harness.folder.at("K2.lic")], through: "variable" };
  const { stdout } = await run(harness, way, { command: "license verify", option: false });
  assertStringIncludes(stdout, "license is valid: K2 ");
});

Deno.test("what is wrong with the variable's text names the variable", async () => {
  await using harness = await RunHarness.open();
  const { code, stderr } = await startProgram(
    ["license", "verify", "--org-key", harness.folder.at("org_public_key.pem")],
    { env: { SENTINEL_LICENSE_TEXT: "{" } },
  ).end();
  assertEquals(code, 80);
  assertStringIncludes(
    stderr,
    "error: SENTINEL_LICENSE_TEXT: invalid license file: malformed JSON",
  );
});

testWith(PIPES, "a run that waits for a pipe stops on request", async () => {
  await using harness = await RunHarness.open();
  const { at } = harness.folder;
  await runTool("mkfifo", at("pipe"));
  const software = await harness.script("software", "exit 3");
  await using program = startProgram([
    ...["run", "--license", at("pipe"), "--software", software, "--log-level", "debug"],
    ...["--org-key", at("org_public_key.pem"), "--state-dir", at("state")],
  ], { ...harness.programOptions() });
  // opens as soon as the program does
  using _writer = await Deno.open(at("pipe"), { write: true });
  program.kill("SIGTERM");
  const { code, stderr } = await program.end();
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "Received signal SIGTERM, shutting down...");
});
