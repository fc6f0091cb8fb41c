// Not on Windows: it ends daemons by signals.
/** A service after the license server refused it: restarted by its service manager, it waits, and asks again. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DaemonHarness } from "../support/daemon_harness.ts";
import { type RunningProgram, startProgram } from "../support/program.ts";

/** A daemon as a service manager starts it, in told time. */
class Service implements AsyncDisposable {
  #seconds = 0;

  private constructor(readonly harness: DaemonHarness) {}

  /** With a heartbeat each minute, since time passes for the service alone and the server accepts five minutes. */
  static async open(...terms: string[]): Promise<Service> {
    const service = new Service(
      await DaemonHarness.open({ terms: ["--heartbeat-minutes", "1", ...terms] }),
    );
    await service.passSeconds(0);
    return service;
  }

  /** Starts it, as a service manager does again after each failure. */
  start(): RunningProgram {
    const { env } = this.harness.programOptions;
    return startProgram(this.harness.arguments(["start", "--service"]), {
      ...this.harness.programOptions,
      env: { ...env, TOLD_HOURS: this.harness.at("told") },
      fixture: "sentinel_in_told_time.ts",
    });
  }

  async passSeconds(seconds: number): Promise<void> {
    this.#seconds += seconds;
    await Deno.writeTextFile(this.harness.at("told.new"), String(this.#seconds / 3600));
    await Deno.rename(this.harness.at("told.new"), this.harness.at("told"));
  }

  async vendor(command: string, ...args: string[]): Promise<void> {
    const database = ["--database", this.harness.at("vendor.db")];
    await this.harness.base.vendor(command, "K1", ...args, ...database);
  }

  /** The only machine of the license. */
  async machineId(): Promise<string> {
    const database = ["--database", this.harness.at("vendor.db")];
    const list = await this.harness.base.vendor("list", "--json", ...database);
    return /"machine_id": ?"([^"]+)"/.exec(list)![1]!;
  }

  /** Waits for the log's line number `count` that matches. */
  async logged(text: string, count = 1): Promise<void> {
    await this.harness.logged(new RegExp(`(?:${text}[^]*){${count}}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.harness[Symbol.asyncDispose]();
  }
}

const WAITS = "the license server is asked again at ";

Deno.test("a suspended service comes back after its reinstatement, and says what it waits for", async () => {
  await using service = await Service.open();
  {
    await using running = service.start();
    await service.logged("starting -> running");
    await service.vendor("suspend");
    await service.passSeconds(70);
    assertEquals((await running.end()).code, 81);
  }
  await using waiting = service.start();
  await service.logged(WAITS);
  const status = await service.harness.daemon("status");
  assertEquals(status.code, 87);
  assertMatch(
    status.stderr,
    /^sentinel: error: sentinel daemon \(pid \d+\) waits: license is suspended — contact your vendor: the license server is asked again at \d{4}-\S+Z\n$/,
  );
  await service.vendor("reinstate");
  await service.passSeconds(61);
  await service.logged("starting -> running", 2);
  assertEquals((await service.harness.daemon("stop")).code, 0);
  assertEquals((await waiting.end()).code, 0);
  await service.harness.requireNothingLeft();
});

Deno.test("a service asks the server once for each wait, and less often each time", async () => {
  await using service = await Service.open();
  await service.vendor("suspend");
  const ends: number[] = [];
  for (let run = 0; run < 3; run++) {
    await using program = service.start();
    if (run > 0) {
      await service.logged(WAITS, run);
      await service.passSeconds(run === 1 ? 61 : 121);
    }
    ends.push((await program.end()).code);
  }
  assertEquals(ends, [81, 81, 81]);
  const log = await service.harness.log();
  assertStringIncludes(log, "(refusals in a row: 1)");
  assertStringIncludes(log, "(refusals in a row: 2)");
  assertEquals(log.match(/start-up failed \(core\): /g)?.length, 3);
});

Deno.test("a service comes back when its license has a seat for it", async () => {
  await using service = await Service.open("--max-machines", "1");
  const { base } = service.harness;
  base.stateDir = service.harness.at("other-state");
  assertEquals((await base.run(await base.script("other", "exit 0"))).code, 0);
  {
    await using refused = service.start();
    assertEquals((await refused.end()).code, 81);
  }
  await using waiting = service.start();
  await service.logged(`Maximum machine limit reached.*${WAITS}`);
  await service.vendor("decommission", await service.machineId(), "--lost");
  await service.passSeconds(61);
  await service.logged("starting -> running");
  waiting.kill("SIGTERM");
  assertEquals((await waiting.end()).code, 0);
});

Deno.test("an operator who stops a waiting service and starts it again does not wait", async () => {
  await using service = await Service.open();
  await service.vendor("suspend");
  {
    await using refused = service.start();
    assertEquals((await refused.end()).code, 81);
  }
  {
    await using waiting = service.start();
    await service.logged(WAITS);
    waiting.kill("SIGTERM");
    assertEquals((await waiting.end()).code, 0);
  }
  await service.vendor("reinstate");
  await using running = service.start();
  await service.logged("starting -> running");
  running.kill("SIGTERM");
  assertEquals((await running.end()).code, 0);
});

Deno.test("a service whose machine was decommissioned takes no new seat by itself", async () => {
  await using service = await Service.open();
  {
    await using running = service.start();
    await service.logged("starting -> running");
    await service.vendor("decommission", await service.machineId());
    await service.passSeconds(70);
    assertEquals((await running.end()).code, 81);
  }
  await using restarted = service.start();
  const { code, stderr } = await restarted.end();
  assertEquals(code, 2);
  assertStringIncludes(stderr, "machine decommissioned: the service stays stopped until it is ");
});

Deno.test("a daemon that is no service does not wait", async () => {
  await using service = await Service.open();
  await service.vendor("suspend");
  for (let run = 0; run < 2; run++) assertEquals((await service.harness.daemon("start")).code, 81);
  assertEquals((await service.harness.log()).includes(WAITS), false);
});
