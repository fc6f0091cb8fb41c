import { assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { kernel32 } from "../../ffi/kernel32.ts";
import { getSystemFile } from "../../ffi/windows_library.ts";
import { openLibraries } from "../support/open_libraries.ts";
import {
  type ProgramOptions,
  type RunningProgram,
  runProgram,
  startProgram,
} from "../support/program.ts";
import { type Requirement, testWith, WINDOWS } from "../support/requirements.ts";
import { IS_WINDOWS } from "../support/system.ts";
import { WindowsHarness } from "../support/windows_harness.ts";

openLibraries();

/** What the log says of software that was ended without being asked. */
const ENDED = /software ended \(pid: \d+, status: (-?\d+)\)/, KILLED = /status: 137\)/;

const NO_CONSOLE: Requirement = {
  need: "no console",
  met: !IS_WINDOWS || kernel32().GetConsoleProcessList(new Uint32Array(1), 1) === 0,
};

/** A command that runs the one which follows it on a console. */
const ON_CONSOLE = [
  ...[Deno.execPath(), "run", "--quiet", "-A", "--no-config"],
  fromFileUrl(new URL("../fixtures/on_console.ts", import.meta.url)),
];

/** What a run's log says once it was asked to stop; its software is no program of the runtime. */
async function runAndStop(
  stop: (harness: WindowsHarness, run: RunningProgram) => Promise<unknown>,
  options: ProgramOptions = {},
): Promise<string> {
  await using harness = await WindowsHarness.open('WScript.Echo("up"); WScript.Sleep(1e6);');
  const args = harness.base.runArguments(getSystemFile("cscript.exe"), {
    args: ["//nologo", harness.at("software.js")],
  });
  await using run = startProgram(args, { ...harness.programOptions, ...options });
  await run.stdout.match(/up/);
  await stop(harness, run);
  const { code, stderr } = await run.end();
  assertEquals(code, 0, stderr);
  return stderr;
}

const stopOverSocket = ({ programOptions }: WindowsHarness) =>
  runProgram(["ipc", "stop"], programOptions);

testWith([WINDOWS], "Windows: software on our console is asked to stop by Ctrl-Break", async () => {
  const log = await runAndStop(stopOverSocket, { wrapper: ON_CONSOLE });
  assertMatch(log, ENDED);
  assertNotMatch(log, KILLED);
});

testWith([WINDOWS], "Windows: Ctrl-C stops sentinel, which stops the software", async () => {
  const options: ProgramOptions = { wrapper: ON_CONSOLE, stdin: "piped" };
  const log = await runAndStop((_scene, run) => run.input("c"), options);
  assertMatch(log, /Received signal SIGINT, shutting down/);
  assertMatch(log, ENDED);
  assertNotMatch(log, KILLED);
});

testWith(
  [WINDOWS],
  "Windows: software is launched on our console as without one",
  async () => {
    await using harness = await WindowsHarness.open(
      `console.log(JSON.stringify([Deno.args, Deno.env.get("GREETING"), Deno.env.has("Path")]));
console.error(Deno.env.get("SENTINEL_IPC_SOCKET")); Deno.exit(7);`,
    );
    const { programOptions, runArguments } = harness;
    const env = { ...programOptions.env, GREETING: "gr\u00fc\u00df \ud83d\ude80" };
    const { code, stdout, stderr } = await runProgram(runArguments, { env, wrapper: ON_CONSOLE });
    assertEquals(code, 7, stderr);
    assertEquals(JSON.parse(stdout), [['a b"c'], env.GREETING, true]);
    assertMatch(stderr, /pipe\\sentinel-/);
  },
);

testWith(
  [WINDOWS, NO_CONSOLE],
  "Windows: software is terminated without a console",
  async () => {
    assertMatch(await runAndStop(stopOverSocket), KILLED);
  },
);
