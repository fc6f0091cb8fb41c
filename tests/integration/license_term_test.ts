// Not on Windows: the software is a shell script.
/** The end of a license is seen coming, and the next one can be put in place before. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { formatUtcDate } from "../../src/license/payload.ts";
import { fileMatch } from "../support/file_match.ts";
import {
  answerPayload,
  serveAnswers,
  signedAnswer,
  type TestServer,
} from "../support/license_server.ts";
import { makeOrganization, type Organization, standardPayload } from "../support/organization.ts";
import {
  type ProgramResult,
  type RunningProgram,
  runProgram,
  startProgram,
} from "../support/program.ts";
import { freePort } from "../support/free_port.ts";
import { RunHarness } from "../support/run_harness.ts";
import { watchEvents } from "../support/watched_events.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

const DAY_MS = 86_400_000;

/** The date so many days from today (UTC). */
function day(number: number): string {
  return formatUtcDate(Date.now() + number * DAY_MS);
}

/** A daemon in told time, whose license server always answers, and refuses the license `REFUSED`. */
class TermHarness implements AsyncDisposable {
  readonly healthPort = freePort();

  private constructor(
    readonly folder: TemporaryFolder,
    readonly organization: Organization,
    readonly server: TestServer,
  ) {}

  static async open(terms: Record<string, string>): Promise<TermHarness> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder());
    const organization = await makeOrganization();
    const server = stack.use(
      serveAnswers((request) =>
        request.body["license_key"] === "REFUSED"
          ? signedAnswer(organization, answerPayload(request, { error: "no" }), 403)
          : signedAnswer(organization, answerPayload(request))
      ),
    );
    const harness = new TermHarness(folder, organization, server);
    await Deno.writeTextFile(folder.at("org.pem"), organization.publicKeyPem);
    await Deno.writeTextFile(folder.at("software"), "#!/bin/sh\nexec sleep 1000\n", {
      mode: 0o755,
    });
    await Deno.writeTextFile(
      folder.at("c.toml"),
      `[license]\npath = "a.lic"\nstate_dir = "state"\n[software]\npath = "software"\n` +
        `[logging]\nfile = "d.log"\n[health]\nlisten = "127.0.0.1:${harness.healthPort}"\n`,
    );
    await harness.put(terms);
    await harness.tell(0);
    stack.move();
    return harness;
  }

  /** Puts a license in place. */
  async put(terms: Record<string, string>): Promise<void> {
    const payload = standardPayload({ server_url: this.server.url, ...terms });
    await Deno.writeTextFile(this.folder.at("a.lic"), await this.organization.license(payload));
  }

  /** Lets so many hours have passed since the start. */
  async tell(hours: number): Promise<void> {
    await Deno.writeTextFile(this.folder.at("told.new"), String(hours));
    await Deno.rename(this.folder.at("told.new"), this.folder.at("told"));
  }

  async start(env: Record<string, string> = {}): Promise<RunningProgram> {
    const daemon = startProgram(
      ["daemon", "start", "--foreground", "--config", this.folder.at("c.toml")],
      {
        env: { ...this.#options.env, ...env },
        fixture: "sentinel_in_told_time.ts",
      },
    );
    await this.logged(/starting -> running/);
    return daemon;
  }

  async daemon(...args: string[]): Promise<ProgramResult> {
    return await this.sentinel("daemon", ...args, "--config", this.folder.at("c.toml"));
  }

  async sentinel(...args: string[]): Promise<ProgramResult> {
    return await runProgram(args, this.#options);
  }

  watch(): RunningProgram {
    return startProgram(["ipc", "watch", "--json"], this.#options);
  }

  async logged(pattern: RegExp): Promise<void> {
    await fileMatch(this.folder.path, { name: "d.log", pattern });
  }

  get #options() {
    const { path } = this.folder;
    return {
      env: {
        ...{ SENTINEL_ORG_KEY: this.folder.at("org.pem"), TOLD_HOURS: this.folder.at("told") },
        ...{ XDG_RUNTIME_DIR: path, XDG_STATE_HOME: path },
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

Deno.test("log, events, status and health say that a license ends soon", async () => {
  await using harness = await TermHarness.open({ expiry_date: day(6) });
  await using _daemon = await harness.start();
  await harness.logged(new RegExp(`WARNING: license ACME-0001 ends on ${day(6)} \\(6 days\\)`));
  const { stdout } = await harness.daemon("status");
  assertStringIncludes(
    stdout,
    `\n          ACME-0001 of acme, ends on ${day(6)} UTC (6 days left)\n`,
  );
  assertStringIncludes(stdout, `\nserver:   ${harness.server.url}\n`);
  assertMatch(stdout, /\n {10}last heartbeat at \d{4}-\S+Z: ACTIVE\n/);
  const status = JSON.parse((await harness.daemon("status", "--json")).stdout);
  assertEquals(status.license, {
    ...{ license_key: "ACME-0001", org_id: "acme", expiry_date: day(6), days_left: 6 },
  });
  assertEquals([status.server_url, status.last_heartbeat.outcome], [harness.server.url, "ACTIVE"]);
  const health = await fetch(`http://127.0.0.1:${harness.healthPort}/health`);
  assertEquals((await health.json()).license, { expiry_date: day(6), days_left: 6 });
  await using watch = harness.watch();
  await watch.stdout.match(/"status":"ok"/);
  await harness.tell(3 * 24);
  await watch.stdout.match(
    new RegExp(`\\{"event":"license_ending","days":3,"expiry_date":"${day(6)}"\\}\\n`),
  );
  await harness.daemon("stop");
});

Deno.test("a license that begins tomorrow is put in place today, and taken up on its day", async () => {
  await using harness = await TermHarness.open({ expiry_date: day(0) });
  await using daemon = await harness.start();
  await harness.put({ license_key: "NEXT", issue_date: day(1), expiry_date: day(400) });
  const reload = await harness.daemon("reload");
  assertEquals(reload, {
    code: 0,
    stdout: `applied: nothing has changed\nlicense NEXT is taken up on ${day(1)} (UTC)\n`,
    stderr: "",
  });
  await harness.logged(/INFO: license NEXT begins on \S+: it is taken up then/);
  assertStringIncludes(
    (await harness.daemon("status")).stdout,
    `\n          then NEXT, from ${day(1)} UTC\n`,
  );
  await using watch = harness.watch();
  await watch.stdout.match(/"status":"ok"/);
  await harness.tell(25);
  await harness.logged(/INFO: license changed: NEXT, valid to /);
  await watch.stdout.match(/"event":"license_changed"/);
  const status = JSON.parse((await harness.daemon("status", "--json")).stdout);
  assertEquals([status.license.license_key, status.next_license], ["NEXT", undefined]);
  await harness.daemon("stop");
  assertEquals((await daemon.end()).code, 0);
});

Deno.test("after a restart the present license goes on until the first day of the one in its file", async () => {
  await using harness = await TermHarness.open({ expiry_date: day(0) });
  {
    await using before = await harness.start();
    await harness.put({ license_key: "NEXT", issue_date: day(1), expiry_date: day(400) });
    assertEquals((await harness.daemon("stop")).code, 0);
    assertEquals((await before.end()).code, 0);
  }
  const doctor = await harness.sentinel("doctor", "--config", harness.folder.at("c.toml"));
  assertEquals(doctor.code, 0, doctor.stdout);
  assertStringIncludes(
    doctor.stdout,
    `ACME-0001 ran last and goes on, at most to ${day(0)} UTC; NEXT is taken up on ${day(1)}\n`,
  );
  await Deno.remove(harness.folder.at("d.log"));
  await using daemon = await harness.start();
  await harness.logged(/INFO: license NEXT begins on \S+: it is taken up then/);
  assertMatch((await harness.daemon("status")).stdout, /ACME-0001 of acme.*\n.* then NEXT, from/);
  await harness.tell(25);
  await harness.logged(/INFO: license changed: NEXT, valid to /);
  await harness.daemon("stop");
  assertEquals((await daemon.end()).code, 0);
});

Deno.test("a next license from a variable is taken up on its day, though it cannot be read again", async () => {
  await using harness = await TermHarness.open({ expiry_date: day(3) });
  const { at } = harness.folder;
  {
    await using before = await harness.start();
    assertEquals((await harness.daemon("stop")).code, 0);
    assertEquals((await before.end()).code, 0);
  }
  await harness.put({ license_key: "NEXT", issue_date: day(1), expiry_date: day(400) });
  const config = await Deno.readTextFile(at("c.toml"));
  await Deno.writeTextFile(at("c.toml"), config.replace('path = "a.lic"\n', ""));
  await Deno.remove(at("d.log"));
  await using _daemon = await harness.start({
    SENTINEL_LICENSE_TEXT: await Deno.readTextFile(at("a.lic")),
  });
  await harness.logged(/INFO: license NEXT begins on \S+: it is taken up then/);
  await harness.tell(25);
  await harness.logged(/INFO: license changed: NEXT, valid to /);
  await harness.daemon("stop");
});

Deno.test("a next license that the server refuses, hour after hour, announces the present one's end no second time", async () => {
  await using harness = await TermHarness.open({ expiry_date: day(6) });
  await using _daemon = await harness.start();
  await harness.put({ license_key: "REFUSED", issue_date: day(1), expiry_date: day(400) });
  assertEquals((await harness.daemon("reload")).code, 0);
  for (const [hours, failures] of [[25, 1], [27, 2], [29, 3]] as const) {
    await harness.tell(hours);
    await harness.logged(new RegExp(`(ERROR: cannot reload the license: [^]*){${failures}}`));
  }
  const log = await Deno.readTextFile(harness.folder.at("d.log"));
  assertEquals(log.match(/WARNING: license \S+ ends on .*/g), [
    `WARNING: license ACME-0001 ends on ${day(6)} (6 days)`,
  ]);
  const status = JSON.parse((await harness.daemon("status", "--json")).stdout);
  assertEquals([status.state, status.license.license_key], ["running", "ACME-0001"]);
  await harness.daemon("stop");
});

Deno.test("the software hears that its license has expired", async () => {
  await using harness = await TermHarness.open({ expiry_date: day(0) });
  await using daemon = await harness.start();
  await using watch = harness.watch();
  await watch.stdout.match(/"status":"ok"/);
  await harness.tell(26);
  await watch.stdout.match(
    /\{"event":"stopping","reason":"license\.expired","message":"license has expired [^\n]*\}\n/,
  );
  assertEquals((await daemon.end()).code, 80);
});

Deno.test("a next license that begins too late does not keep an expired one alive", async () => {
  await using harness = await TermHarness.open({ expiry_date: day(0) });
  await using daemon = await harness.start();
  await harness.put({ license_key: "NEXT", issue_date: day(9), expiry_date: day(400) });
  assertEquals((await harness.daemon("reload")).code, 0);
  await harness.tell(26);
  assertEquals((await daemon.end()).code, 80);
  await harness.logged(/license has expired \(expiry: /);
});

const UNFIT: Readonly<Record<string, (harness: TermHarness) => Promise<void>>> = {
  "that another organization signed": async ({ folder }) => {
    const other = await makeOrganization();
    const payload = standardPayload({ license_key: "NEXT", issue_date: day(1) });
    await Deno.writeTextFile(folder.at("a.lic"), await other.license(payload));
  },
  "of another product": (harness) =>
    harness.put({ license_key: "NEXT", issue_date: day(1), software_id: "other" }),
  "that ends before it begins": (harness) =>
    harness.put({ license_key: "NEXT", issue_date: day(2), expiry_date: day(1) }),
};

for (const [what, put] of Object.entries(UNFIT)) {
  Deno.test(`a next license ${what} is refused at once, and the present one goes on`, async () => {
    await using harness = await TermHarness.open({ expiry_date: day(50) });
    await using _daemon = await harness.start();
    await put(harness);
    assertEquals((await harness.daemon("reload")).code, 80);
    const status = JSON.parse((await harness.daemon("status", "--json")).stdout);
    assertEquals([status.license.license_key, status.next_license], ["ACME-0001", undefined]);
    await harness.daemon("stop");
  });
}

/** The ways in which a run ends, and the reason that the socket gives. */
const ENDS: Readonly<
  Record<string, {
    act(harness: RunHarness, run: RunningProgram): Promise<void> | void;
    reason: string;
    message: string;
  }>
> = {
  "a signal": {
    act: (_, run) => run.kill("SIGTERM"),
    reason: "signal",
    message: "Received signal SIGTERM, shutting down...",
  },
  "a request over the socket": {
    async act(harness) {
      await runProgram(["ipc", "stop"], harness.programOptions());
    },
    reason: "request",
    message: "Received stop over the socket, shutting down...",
  },
  "the end of the software": {
    act: (harness) => Deno.writeTextFile(harness.folder.at("go"), ""),
    reason: "software.exited",
    message: "the software exited with status 3",
  },
  "the end of its grace": {
    async act(harness, run) {
      await harness.stopServer();
      run.kill("SIGUSR2");
    },
    reason: "unreachable.grace_exhausted",
    message: "server unreachable and grace period exhausted (refused) — software stopped",
  },
  "a suspension": {
    async act(harness, run) {
      await harness.vendor("suspend", "K1", "--database", harness.folder.at("vendor.db"));
      run.kill("SIGUSR2");
    },
    reason: "refused.suspended",
    message: "license is suspended — contact your vendor",
  },
};

/** Grace that one missed heartbeat uses up. */
const ONE_MISS = ["--heartbeat-minutes", "1440", "--grace-days", "1"];

for (const [what, { act, reason, message }] of Object.entries(ENDS)) {
  Deno.test(`the software hears why it is stopped: ${what}`, async () => {
    await using harness = await RunHarness.open(...ONE_MISS);
    const software = await harness.script(
      "software",
      'echo up; while ! [ -e "${0%software}go" ]; do sleep 0.05; done; exit 3',
    );
    await using run = harness.start(software, { intervalMinutes: 1440 });
    await run.stdout.match(/up/);
    const events = await watchEvents(harness);
    await act(harness, run);
    await run.end();
    assertEquals(await events.last, { event: "stopping", reason, message });
  });
}
