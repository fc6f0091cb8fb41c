// Not on Windows: the software is a shell script.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DaemonHarness } from "../support/daemon_harness.ts";
import { isRunning } from "../support/process_state.ts";
import {
  type ProgramResult,
  type RunningProgram,
  runProgram,
  startProgram,
} from "../support/program.ts";
import { RemoteProgramHarness } from "../support/remote_program_harness.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import type { CertificateFiles } from "../support/test_authority.ts";

/** Says its pid in a file and on its output, and stays. */
const TALK = `echo $$ >> "$0.starts"; echo up; echo careful >&2; exec sleep 1000`;

/** A daemon that serves operators, and an operator. */
class Operation implements AsyncDisposable {
  private constructor(readonly remote: RemoteProgramHarness, readonly harness: DaemonHarness) {}

  static async begin(options: { script?: string; tables?: string } = {}): Promise<Operation> {
    const remote = await RemoteProgramHarness.open();
    const harness = await DaemonHarness.open({ script: options.script ?? TALK });
    const operation = new Operation(remote, harness);
    await operation.configure(options.tables);
    return operation;
  }

  async configure(tables = ""): Promise<void> {
    const { files, authority } = this.remote;
    await this.harness.configure({
      tables: `[server]\nenabled = true\nport = 0\n` +
        `certificate = "${files.server.certificate}"\nkey = "${files.server.key}"\n` +
        `certificate_authority = "${authority.certificate}"\n` +
        `redact = ["--token[= ].*"]\n${tables}`,
    });
  }

  async start(): Promise<void> {
    assertEquals((await this.harness.daemon("start")).code, 0);
  }

  ops(...args: string[]): Promise<ProgramResult> {
    return this.#client(this.remote.files.ops, args);
  }

  watch(...args: string[]): Promise<ProgramResult> {
    return this.#client(this.remote.files.watch, args);
  }

  /** `client stream` with an `observe` certificate, in the background. */
  async stream(id: string): Promise<RunningProgram> {
    return startProgram(await this.#arguments(this.remote.files.watch, ["stream", id]));
  }

  async #client(files: CertificateFiles, args: string[]): Promise<ProgramResult> {
    return await runProgram(await this.#arguments(files, args));
  }

  async #arguments(files: CertificateFiles, args: string[]): Promise<string[]> {
    const url = URL.parse(String((await this.harness.facts("status"))["server"]));
    return this.remote.clientArguments(Number(url?.port), files, ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.harness[Symbol.asyncDispose]();
    await this.remote[Symbol.asyncDispose]();
  }
}

function testOperation(
  name: string,
  run: (operation: Operation) => Promise<void>,
  options: { script?: string; tables?: string } = {},
): void {
  testWith([needsProgram("openssl")], name, async () => {
    await using operation = await Operation.begin(options);
    await operation.start();
    await run(operation);
  });
}

const result = (code: number, stdout: string, stderr = "") => ({ code, stdout, stderr });

testOperation("the daemon's software is a process that operators watch", async (operation) => {
  assertEquals(await operation.watch("status", "1"), result(0, "running\n"));
  const [software] = JSON.parse((await operation.watch("list", "--json")).stdout);
  assertEquals(software.command, operation.harness.at("software"));
  await using stream = await operation.stream("1");
  await stream.stdout.match(/up\n/);
  const stop = await operation.watch("stop", "1");
  assertEquals(stop.code, 86);
  assertStringIncludes(stop.stderr, "this certificate may only observe");
  assertEquals(await operation.watch("restart", "1"), stop);
  assertEquals((await operation.harness.daemon("stop")).code, 0);
  assertEquals(await stream.end(), result(0, "up\n", "careful\n"));
  await operation.harness.requireNothingLeft();
});

testOperation(
  "an operator stops the software, which stays stopped until it is restarted",
  async (operation) => {
    const { harness } = operation;
    const [first] = await harness.softwarePids(1);
    assertEquals(await operation.ops("stop", "1"), result(0, "process stopped\n"));
    assertEquals(await isRunning(first!), false);
    const status = await harness.facts("status");
    assertEquals(
      [status["state"], status["stopped_by_operator"], status["pid"]],
      ["running", true, undefined],
    );
    assertEquals(await operation.ops("stop", "1"), result(0, "process stopped\n"));
    assertEquals(await operation.ops("restart", "1"), result(0, "2\n"));
    const [, second] = await harness.softwarePids(2);
    assert(await isRunning(second!));
    assertEquals(await operation.watch("status", "1"), result(0, "stopped\n"));
    assertEquals(await operation.ops("restart", "2"), result(0, "3\n"));
    assertEquals(await operation.watch("status", "2"), result(0, "stopped\n"));
    assertEquals(await isRunning(second!), false);
    assertMatch(await harness.log(), /audit: restart: restarted as 2 \(client: ops, .*process: 1/);
  },
);

testOperation(
  "only the software's last start can be restarted; the log of others has no redacted secret",
  async (operation) => {
    const other = ["sh", "-c", "exec sleep 1000", "--token", "secret"];
    assertEquals(await operation.ops("start", ...other), result(0, "2\n"));
    assertMatch(
      await operation.harness.log(),
      /audit: start: started \(.*, command: "sh -c 'exec sleep 1000' --token '\*\*\*'", /,
    );
    const refused = await operation.ops("restart", "2");
    assertEquals(
      refused.stderr,
      "sentinel: error: only a daemon's software can be restarted, by the id of its last start\n",
    );
    assertEquals(await operation.ops("restart", "99"), result(88, "process not found\n"));
    assertEquals(
      await operation.ops("restart", "99", "--json"),
      result(88, '{"error":"process not found"}\n'),
    );
  },
);

testOperation(
  "a crash of the software is recorded with its status, and the next launch is a new process",
  async (operation) => {
    await operation.harness.softwarePids(2);
    assertEquals(await operation.watch("stream", "1"), result(0, "crash\n"));
    assertEquals(await operation.watch("status", "1"), result(0, "exited: 3\n"));
    assertEquals(await operation.watch("status", "2"), result(0, "running\n"));
  },
  {
    script: `echo $$ >> "$0.starts"; [ -e "$0.once" ] && exec sleep 1000
: > "$0.once"; echo crash; exit 3`,
  },
);

testOperation(
  "a pending restart of the software can be canceled, or done at once",
  async (operation) => {
    const { harness } = operation;
    await harness.logged(/restart 1 of 5 in 600000 ms/);
    assertEquals(await operation.ops("stop", "1"), result(0, "process stopped\n"));
    await harness.logged(/stopping the software on request, until it is restarted/);
    assertEquals(await operation.ops("restart", "1"), result(0, "2\n"));
    assertEquals(await operation.watch("status", "1"), result(0, "exited: 3\n"));
  },
  { script: "exit 3", tables: "[health]\nrestart_delay_ms = 600000\n" },
);

testOperation(
  "software whose output cannot be recorded still runs, and the log says so",
  async (operation) => {
    const { harness } = operation;
    await harness.softwarePids(1);
    const data = harness.at("state/processes");
    await Deno.rename(data, `${data}.gone`);
    await Deno.writeTextFile(data, "");
    assertEquals(await operation.ops("restart", "1"), result(0, "1\n"));
    const [, second] = await harness.softwarePids(2);
    assert(await isRunning(second!));
    assertMatch(await harness.log(), /Cannot record the software's output: /);
  },
);

testOperation(
  "the next daemon completes the records of a killed one",
  async (operation) => {
    const { harness } = operation;
    const [software] = await harness.softwarePids(1);
    const { sentinel_pid: daemon } = await harness.facts("status");
    Deno.kill(Number(daemon), "SIGKILL");
    await operation.start();
    assertEquals(await isRunning(software!), false);
    assertEquals(await operation.watch("status", "1"), result(0, "stopped\n"));
    assertEquals(await operation.watch("status", "2"), result(0, "running\n"));
  },
);

testOperation(
  "a reload reads the certificates again, and refuses invalid ones",
  async (operation) => {
    const { harness, remote } = operation;
    const { certificate } = remote.files.server;
    const good = await Deno.readTextFile(certificate);
    await Deno.writeTextFile(certificate, "nothing\n");
    const { code, stderr } = await harness.daemon("reload");
    assertEquals(code, 2);
    assertMatch(stderr, /certificate/);
    assertEquals(await operation.watch("status", "1"), result(0, "running\n"));
    await Deno.writeTextFile(certificate, good);
    const other = await remote.authority.issue("other", {
      subject: "/CN=other",
      usage: "serverAuth",
      names: "DNS:db.example",
    });
    const toml = await Deno.readTextFile(harness.at("sentinel.toml"));
    await Deno.writeTextFile(
      harness.at("sentinel.toml"),
      toml.replace(certificate, other.certificate).replace(remote.files.server.key, other.key),
    );
    assertEquals(
      (await harness.daemon("reload")).stdout,
      "applied: server.certificate, server.key\n",
    );
    assertEquals((await operation.watch("status", "1")).code, 86);
    const named = await operation.watch("status", "1", "--server-name", "db.example");
    assertEquals(named, result(0, "running\n"));
  },
);

testWith(
  [needsProgram("openssl")],
  "an unreadable certificate fails the start and leaves nothing behind",
  async () => {
    await using operation = await Operation.begin();
    await Deno.remove(operation.remote.files.server.certificate);
    const { code, stderr } = await operation.harness.daemon("start");
    assertEquals(code, 2);
    assertMatch(stderr, /certificate file not found/);
    await operation.harness.requireNothingLeft();
  },
);
