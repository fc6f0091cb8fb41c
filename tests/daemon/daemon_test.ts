import { assertEquals, assertRejects } from "@std/assert";
import { parseConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/schema.ts";
import { Lifecycle } from "../../src/daemon/lifecycle.ts";
import { InvalidTransitionError } from "../../src/daemon/lifecycle.ts";
import type { Agent } from "../../src/agent/agent.ts";
import { Daemon } from "../../src/daemon/daemon.ts";
import { NO_CHANGE } from "../../src/daemon/settings.ts";
import { StopRequestSource } from "../../src/agent/stop_request.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { RecordingLog } from "../support/recording_log.ts";

const { config } = parseConfig("", "/etc/acme/sentinel.toml");

const AGENT = {
  ipc: { publish() {}, setLimits() {} },
  reloadLicense: () => Promise.resolve(false),
} as unknown as Agent;

/** A running daemon and its log. */
async function runningDaemon(
  loadConfig: () => Promise<Config>,
): Promise<{ daemon: Daemon; lifecycle: Lifecycle; log: RecordingLog }> {
  const log = Object.assign(new RecordingLog(), {
    settings: { level: "info", format: "text", write() {} } as const,
    configure() {},
  });
  const lifecycle = new Lifecycle({
    clock: new FakeClock(),
    log,
    host: { announce() {}, onRunning() {}, startDeadline() {}, publish() {} },
  });
  const daemon = new Daemon({
    config,
    loadConfig,
    prepareConfig: () => Promise.resolve(NO_CHANGE),
    openServer: () => Promise.reject(new Error("it is not configured")),
    lifecycle,
    stopRequest: new StopRequestSource(),
    log,
    residentBytes: () => 0,
  });
  lifecycle.advance("start");
  await daemon.onServing(AGENT);
  daemon.onRunning();
  return { daemon, lifecycle, log };
}

Deno.test("a stop waits for the running reload, and for no later one", async () => {
  const loaded = Promise.withResolvers<Config>();
  const { daemon, lifecycle, log } = await runningDaemon(() => loaded.promise);
  const underWay = daemon.reload();
  const waiting = daemon.reload();
  const refused = assertRejects(
    () => waiting,
    InvalidTransitionError,
    "invalid state transition: stopping -> reloading",
  );
  const ending = daemon.onEnding();
  loaded.resolve(config);
  assertEquals(await underWay, { applied: [], requires_restart: [] });
  await ending;
  await refused;
  assertEquals(lifecycle.state, "stopping");
  assertEquals(log.lines().slice(2), [
    "info state: running -> reloading",
    "info reloaded: nothing has changed",
    "info state: reloading -> running",
    "info state: running -> stopping",
  ]);
});
