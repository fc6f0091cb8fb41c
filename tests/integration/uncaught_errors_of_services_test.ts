// Not on Windows: the software is a shell script.
import { assertEquals, assertMatch } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import type { Doubles, Edit } from "../support/doubles.ts";
import { within } from "../support/patience.ts";
import { isRunning } from "../support/process_state.ts";
import {
  type ProgramOptions,
  type RunningProgram,
  runProgram,
  startProgram,
} from "../support/program.ts";
import { RemoteProgramHarness } from "../support/remote_program_harness.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { OPENSSL } from "../support/test_remote.ts";
import { setUpVendor } from "../support/vendor_setup.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

/** Thrown in the sources; once, as the same code may be needed to stop. */
const FAIL = `if (!globalThis.hasFailed) {
  globalThis.hasFailed = true;
  throw new Error("the test's own");
}`;

/** Waits until the test asks for the fault: otherwise the software may be stopped before it has printed anything. */
const UNTIL_ASKED = `for (const path = Deno.env.get("XDG_RUNTIME_DIR") + "/fail";;) {
  if (await Deno.stat(path).then(() => true, () => false)) break;
  await new Promise((resolve) => setTimeout(resolve, 10));
}
`;

/** An edit that makes a function throw at its start, given its first line. */
function failing(head: string, before = ""): Edit {
  return [head, `${head}${before}${FAIL}`];
}

/** Software with an orphan that ends on request. */
const SOFTWARE = `((read _ < "$0.go") &); echo "pid $$"; exec sleep 1000`;

/** A place in the sources that throws while software runs, and how. */
const PLACES_OF_RUNS: readonly (readonly [
  place: string,
  doubles: Doubles,
  trigger: (harness: AttackHarness, program: RunningProgram) => unknown,
])[] = [
  [
    "the reaper of orphans",
    { "src/process/orphan_reaper.ts": [failing("  reap(): Promise<void> {")] },
    async (harness) => await Deno.writeTextFile(harness.at("software.go"), "\n"),
  ],
  [
    "a connection to the socket",
    { "src/ipc/connection.ts": [failing("  async serve(): Promise<void> {")] },
    async (harness) => {
      const [{ name }] = socketsOf(harness) as [Deno.DirEntry];
      const path = harness.at(`runtime/sentinel/${name}`);
      using _conn = await Deno.connect({ transport: "unix", path });
    },
  ],
  [
    "the look for tampering",
    { "src/agent/tamper_watch.ts": [failing(`  const known = new Set<string>();\n`, UNTIL_ASKED)] },
    (harness) => Deno.writeTextFile(harness.at("runtime/fail"), ""),
  ],
];

function socketsOf(harness: AttackHarness): Deno.DirEntry[] {
  return [...Deno.readDirSync(harness.at("runtime/sentinel"))]
    .filter(({ name }) => name.endsWith(".sock"));
}

/** Exit status and log of a program with an uncaught error. */
async function requireOrderlyEnd(program: RunningProgram, pids: readonly number[]): Promise<void> {
  const { code, stderr } = await program.end();
  const lines = stderr.match(/^\S+ ERROR: unexpected error: the test's own$/gm);
  assertEquals([code, lines?.length], [70, 1], stderr);
  assertMatch(stderr, /Received an unexpected error, shutting down\.\.\./);
  for (const pid of pids) assertEquals(await isRunning(pid), false);
}

/** A scene with a pipe that the software's orphan reads. */
async function openHarness(): Promise<AttackHarness> {
  const harness = await AttackHarness.open();
  await harness.script("software", SOFTWARE);
  await new Deno.Command("mkfifo", { args: [harness.at("software.go")] }).output();
  return harness;
}

async function failWhileRunning(
  start: (harness: AttackHarness) => RunningProgram,
  trigger: (harness: AttackHarness, program: RunningProgram) => unknown,
): Promise<void> {
  await using harness = await openHarness();
  await using program = start(harness);
  const [, pid] = await program.stdout.match(/^pid (\d+)\n/m);
  await trigger(harness, program);
  await requireOrderlyEnd(program, [Number(pid)]);
  assertEquals([...Deno.readDirSync(harness.at("runtime/sentinel"))], []);
}

for (const [place, doubles, trigger] of PLACES_OF_RUNS) {
  testWith([POSIX], `an error in ${place} stops the run in order`, async () => {
    await failWhileRunning((harness) => harness.start({ doubles }), trigger);
  });
  testWith([POSIX], `an error in ${place} stops the daemon in order`, async () => {
    await failWhileRunning((harness) => startDaemon(harness, { doubles }), trigger);
  });
}

function startDaemon(harness: AttackHarness, options: ProgramOptions): RunningProgram {
  Deno.writeTextFileSync(
    harness.at("d.toml"),
    `[license]\npath = "a.lic"\nstate_dir = "state"\n[software]\npath = "software"\n`,
  );
  const args = ["daemon", "start", "--foreground", "--config", harness.at("d.toml")];
  return startProgram([...args, "--org-key", harness.at("org.pem")], {
    ...harness.programOptions(),
    ...options,
  });
}

testWith([POSIX], "an error in the statistics stops the daemon in order", async () => {
  const doubles: Doubles = {
    "src/daemon/daemon.ts": [failing("  stats(): Record<string, unknown> {")],
  };
  await failWhileRunning(
    (harness) => startDaemon(harness, { doubles }),
    (_, daemon) => daemon.kill("SIGUSR1"),
  );
});

const CONTEXTS = ["a timer", "a promise", "an event listener"] as const;

for (const context of CONTEXTS) {
  const options = { fixture: "sentinel_that_fails.ts", env: { FAIL_IN: context } };

  testWith([POSIX], `an error in ${context} stops the daemon in order`, async () => {
    await failWhileRunning(
      (harness) =>
        startDaemon(harness, {
          ...options,
          env: { ...harness.programOptions().env, ...options.env },
        }),
      (_, daemon) => daemon.kill("SIGALRM"),
    );
  });

  testWith(
    [POSIX, ...OPENSSL],
    `an error in ${context} stops the remote server in order`,
    async () => {
      await failServing(options, ({ program }) => program.kill("SIGALRM"));
    },
  );

  testWith([POSIX], `an error in ${context} stops the license server in order`, async () => {
    await using folder = await temporaryFolder();
    const { keyPath, database } = await setUpVendor(folder.path);
    await using server = startProgram(
      ["vendor", "serve", "--key", keyPath, "--database", database, "--port", "0"],
      options,
    );
    await server.stdout.match(/listening on /);
    server.kill("SIGALRM");
    await requireOrderlyEnd(server, []);
    // closed, its database is a file by itself
    assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name).sort(), [
      "keys",
      "licenses.db",
    ]);
  });
}

type Serving = Awaited<ReturnType<RemoteProgramHarness["serve"]>>;

/** Has the error occur, given the server and a process that runs there. */
type Trigger = (
  server: Serving,
  running: { readonly setup: RemoteProgramHarness; readonly pid: number },
) => unknown;

async function failServing(
  options: ProgramOptions,
  trigger: Trigger,
): Promise<void> {
  await using setup = await RemoteProgramHarness.open();
  await using server = await setup.serve([], options);
  const told = setup.folder.at("pid");
  await new Deno.Command("mkfifo", { args: [told] }).output();
  await setup.ops(server, "start", "sh", "-c", `echo $$ > ${told}; exec sleep 1000`);
  const pid = Number(await within(Deno.readTextFile(told), () => "Cannot learn the pid"));
  await trigger(server, { setup, pid });
  await requireOrderlyEnd(server.program, [pid]);
}

const PLACES_OF_SERVERS: readonly (readonly [string, Doubles, Trigger])[] = [
  [
    "the admission of a connection",
    { "src/remote/tls_admission.ts": [failing("  #fail(why: string, address: string): void {")] },
    async ({ port }) => {
      using _conn = await Deno.connect({ hostname: "127.0.0.1", port });
    },
  ],
  [
    "the handler of requests",
    {
      "src/remote/request_handler.ts": [
        [
          "    const answered = ",
          `    if (request.method === "GET") { ${FAIL} }\n    const answered = `,
        ],
      ],
    },
    async (server, { setup }) => void await setup.ops(server, "list"),
  ],
  [
    "the end of a process",
    { "src/process/running_process.ts": [failing("    const endedAtMs = clock.wallMs();")] },
    (_, { pid }) => Deno.kill(pid, "SIGKILL"),
  ],
];

for (const [place, doubles, trigger] of PLACES_OF_SERVERS) {
  testWith(
    [POSIX, ...OPENSSL],
    `an error in ${place} stops the remote server in order`,
    async () => {
      await failServing({ doubles }, trigger);
    },
  );
}

testWith(
  [POSIX],
  "an error in another command ends it at once, with a line and status 70",
  async () => {
    const doubles: Doubles = {
      "src/cli/commands/completions.ts": [[
        "    const shell = args.operands[0]!;",
        `    setTimeout(() => { ${FAIL} }, 1);
       await new Promise((resolve) => setTimeout(resolve, 1_000_000));
       const shell = args.operands[0]!;`,
      ]],
    };
    assertEquals(await runProgram(["completions", "bash"], { doubles }), {
      code: 70,
      stdout: "",
      stderr: "sentinel: error: the test's own\n",
    });
  },
);
