// Not on Windows: the software is a shell script.
// Compiled as well: it launches, signals and stops other programs from an executable of its own.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { RunHarness } from "../support/run_harness.ts";
import { isRunning } from "../support/process_state.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";

/** Forks twice and leaves session, group, parents and environment behind; says its pid once it has. */
const ESCAPE = `(env -i setsid sh -c 'echo escaped $$; exec sleep 1000' &)`;

testWith(
  [needsProgram("setsid")],
  "descendants of the software are stopped with it, even if they left session, group and environment",
  async () => {
    await using harness = await RunHarness.open();
    const fifo = harness.folder.at("fifo");
    await runTool("mkfifo", fifo);
    // opening a FIFO for both directions does not block
    const software = await harness.script(
      "software",
      `${ESCAPE} 1<> "$1"; head -n 1 "$1"; exit 6`,
    );
    const { code, stdout } = await harness.run(software, { args: [fifo] });
    assertEquals(code, 6);
    assert(!await isRunning(Number(/escaped (\d+)/.exec(stdout)?.[1])));
  },
);

testWith(
  [needsProgram("setsid")],
  "SIGTERM also stops detached descendants, and leaves no zombies",
  async () => {
    await using harness = await RunHarness.open();
    const software = await harness.script(
      "software",
      `(env -i setsid sh -c 'echo short $$; exit 0' &)
       ${ESCAPE}
       while read line; do :; done < "$1"; exec sleep 1000`,
    );
    await using run = harness.start(software, { args: ["/dev/null"] });
    const [, short] = await run.stdout.match(/short (\d+)/);
    const [, escaped] = await run.stdout.match(/escaped (\d+)/);
    await untilReaped(Number(short));
    run.kill("SIGTERM");
    assertEquals((await run.end()).code, 0);
    assert(!await isRunning(Number(escaped)));
  },
);

/** Waits until the system's table has no such process, not even an ended one. */
async function untilReaped(pid: number): Promise<void> {
  await runTool("sh", "-c", `while kill -0 ${pid} 2>/dev/null; do sleep 0.01; done`);
}

Deno.test("descendants of an earlier run are stopped even if the software itself has ended", async () => {
  await using harness = await RunHarness.open();
  const software = await harness.script(
    "software",
    '[ "$1" = first ] || exit 0; sleep 1000 >/dev/null 2>&1 & echo left $! by $$; exec sleep 1000 >/dev/null 2>&1',
  );
  await using killed = harness.start(software, { args: ["first"] });
  const [, left, pid] = await killed.stdout.match(/left (\d+) by (\d+)\n/);
  await killed.stderr.match(/software launched/);
  killed.kill("SIGKILL");
  await killed.end();
  Deno.kill(Number(pid), "SIGKILL");
  assert(await isRunning(Number(left)));
  const { code, stderr } = await harness.run(software);
  assertEquals(code, 0);
  assert(!await isRunning(Number(left)));
  assertStringIncludes(
    stderr,
    `stopping the software that an earlier run left behind (pid ${pid})`,
  );
});

const PTY = `
import os, pty, sys, fcntl, termios, struct, signal
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
text = b""
def until(word):
    global text
    while word not in text:
        try: piece = os.read(fd, 4096)
        except OSError: piece = b""
        if not piece: print(text.decode()); sys.exit(1)
        text += piece
until(b"ready")
os.write(fd, b"hello\\n")
until(b"got hello")
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 41, 120, 0, 0))
until(b"size 41 120")
until(b"over")
_, status = os.waitpid(pid, 0)
print("status", os.waitstatus_to_exitcode(status))
`;

testWith(
  [needsProgram("python3")],
  "a terminal stays a terminal: software reads from it, writes to it and hears that its size changed",
  async () => {
    await using harness = await RunHarness.open();
    const software = await harness.script(
      "software",
      `test -t 0 && test -t 1 && test -t 2 || exit 9
       trap 'echo size $(stty size); echo over; exit 7' WINCH
       echo ready; read line; echo got $line; while :; do sleep 0.01; done`,
    );
    const { code, stdout } = await harness.runOnTerminal(software, PTY);
    assertEquals({ code, stdout: stdout.split("\n").at(-2) }, { code: 0, stdout: "status 7" });
  },
);
