// Not on Windows: the software is a shell script.
/** Daemons that are stopped or killed at a moment of their start. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { resolve } from "@std/path";
import { NOBODY } from "../support/daemon_of_nobody.ts";
import { DaemonHarness, STAY } from "../support/daemon_harness.ts";
import { OTHER_USERS } from "../support/other_user.ts";
import { isRunning } from "../support/process_state.ts";
import { type ProgramResult, startProgram } from "../support/program.ts";
import { type ProgramForAll, programForAll } from "../support/program_for_all.ts";
import { READABLE } from "../support/readable_program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

const STRACE = needsProgram("strace");

/** A system call of a start, told by a path that it is about. */
interface Moment {
  readonly call: "openat" | "mkdir" | "chdir" | "execve";
  readonly path: string;
  /** The exit status after SIGTERM, where it is not yet 0. */
  readonly status?: number;
}

const MOMENTS: Readonly<Record<string, Moment>> = {
  "reads its configuration": { call: "openat", path: "sentinel.toml", status: 128 + 15 },
  "makes its folder (environment)": { call: "mkdir", path: "runtime/sentinel" },
  "opens its log (process)": { call: "openat", path: "d.log" },
  "takes its PID file (process)": { call: "openat", path: "runtime/sentinel/software.pid" },
  "enters its working folder (daemonise)": { call: "chdir", path: "work" },
  "reads its license (core)": { call: "openat", path: "K1.lic" },
  "makes its state folder (core)": { call: "mkdir", path: "state" },
  "writes its first key (core)": { call: "openat", path: "state/keystore.bin.tmp" },
  "writes its first state (core)": { call: "openat", path: "state/state.bin.tmp" },
  "claims its socket (core)": { call: "openat", path: "s.sock.lock" },
};

/** Software that has the daemon stopped as soon as it is launched, unless there is a file that says it may stay. */
const UNWANTED = `[ -e "$0.may" ] || kill -TERM $PPID\n${STAY}`;

/**
 * A scene whose socket has a name that is known before.
 *
 * @param program Where every user can run it, for one that root starts as nobody.
 */
async function open(program?: ProgramForAll): Promise<DaemonHarness> {
  const harness = await DaemonHarness.open({
    script: UNWANTED,
    tables: '[ipc]\npath = "s.sock"\n[process]\nworking_directory = "work"\n' +
      (program ? 'user = "nobody"\n' : ""),
    ...(program && { program }),
  });
  await Deno.chmod(harness.base.folder.path, 0o700);
  await Deno.mkdir(harness.at("work"));
  if (program !== undefined) await harness.giveTo(NOBODY);
  return harness;
}

/** Sends a daemon a signal in its first such call, and waits for the end of it and its descendants. */
async function startSignaled(
  harness: DaemonHarness,
  { call, path }: Moment,
  signal: Deno.Signal,
): Promise<ProgramResult> {
  await using daemon = harness.start({
    ...READABLE,
    wrapper: [
      ...["strace", "-f", "-qq", "-o", harness.at("trace"), "-P", resolve(harness.at("."), path)],
      ...["-e", `trace=${call}`, "-e", `inject=${call}:signal=${signal}:when=1`],
    ],
  });
  const result = await daemon.end();
  const trace = await Deno.readTextFile(harness.at("trace"));
  assertStringIncludes(trace, `${call}(`);
  assertStringIncludes(trace, signal);
  return result;
}

/** Checks that no process, socket, lock or PID file is left, and nothing half written. */
async function requireNothingLeft(harness: DaemonHarness): Promise<void> {
  await harness.requireNothingLeft();
  for (const folder of [".", "state", "work"]) {
    const names = entriesOf(harness.at(folder)).map(({ name }) => name);
    assertEquals(names.filter((name) => /^s\.sock|~$|\.tmp$|\.pid$/.test(name)), []);
  }
}

function entriesOf(folder: string): Deno.DirEntry[] {
  try {
    return Array.from(Deno.readDirSync(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function requireStopped(harness: DaemonHarness, moment: Moment): Promise<void> {
  const { code, stdout, stderr } = await startSignaled(harness, moment, "SIGTERM");
  assertEquals([code, stdout, stderr], [moment.status ?? 0, "", ""]);
  await requireNothingLeft(harness);
  const log = await harness.log().catch(() => "");
  // a folder that it made is gone as well, unless it was faster than the signal
  if (!log.includes("-> running")) assertEquals(entriesOf(harness.at("runtime")), []);
}

async function requireNextStarts(harness: DaemonHarness, moment: Moment): Promise<void> {
  const { code } = await startSignaled(harness, moment, "SIGKILL");
  assertEquals(code, 128 + 9);
  await Deno.writeTextFile(harness.at("software.may"), "");
  const { code: next, stderr } = await harness.daemon("start");
  assertEquals([next, stderr], [0, ""]);
  assertMatch((await harness.daemon("status")).stdout, /^running \(pid \d+\)/);
  assertEquals((await harness.daemon("stop")).code, 0);
  await requireNothingLeft(harness);
}

for (const [when, moment] of Object.entries(MOMENTS)) {
  testWith(
    [STRACE],
    `SIGTERM while a daemon ${when} ends it and leaves nothing behind`,
    async () => {
      await using harness = await open();
      await requireStopped(harness, moment);
    },
  );

  testWith([STRACE], `a daemon killed while it ${when} does not block the next`, async () => {
    await using harness = await open();
    await requireNextStarts(harness, moment);
  });
}

/** Steps of a daemon that root starts as another user. */
const ROOTS_MOMENTS: Readonly<Record<string, (program: ProgramForAll) => Moment>> = {
  "looks its user up (privileges)": () => ({
    call: "openat",
    path: "/etc/passwd",
    status: 128 + 15,
  }),
  "becomes its user (privileges)": ({ deno: path }) => ({ call: "execve", path, status: 128 + 15 }),
};

for (const [when, momentOf] of Object.entries(ROOTS_MOMENTS)) {
  testWith([STRACE, OTHER_USERS], `SIGTERM while a daemon ${when} ends it`, async () => {
    const program = await programForAll();
    await using harness = await open(program);
    await requireStopped(harness, momentOf(program));
  });

  testWith([STRACE, OTHER_USERS], `a daemon killed while it ${when} blocks no other`, async () => {
    const program = await programForAll();
    await using harness = await open(program);
    await requireNextStarts(harness, momentOf(program));
  });
}

Deno.test("SIGTERM from the software right after its launch ends the daemon and leaves nothing behind", async () => {
  await using harness = await open();
  await using daemon = harness.start();
  assertEquals((await daemon.end()).code, 0);
  await requireNothingLeft(harness);
});

Deno.test("SIGTERM to a start that waits for its daemon ends both and leaves nothing behind", async () => {
  await using harness = await open();
  await harness.base.stopServer();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: harness.base.port });
  await using start = startProgram(harness.arguments(["start"]), harness.programOptions);
  using _asked = await silent.accept();
  const pidFile = await Deno.readTextFile(harness.at("runtime/sentinel/software.pid"));
  start.kill("SIGTERM");
  const { code, stdout, stderr } = await start.end();
  assertEquals([code, stdout], [0, ""]);
  assertStringIncludes(stderr, "the daemon was stopped before it was ready");
  assertEquals(await isRunning(Number(pidFile)), false);
  await requireNothingLeft(harness);
});
