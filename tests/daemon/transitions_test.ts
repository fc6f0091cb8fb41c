import { assertEquals, assertThrows } from "@std/assert";
import { Lifecycle, type LifecycleChange } from "../../src/daemon/lifecycle.ts";
import {
  InvalidTransitionError,
  type LifecycleEvent,
  type LifecycleState,
  transition,
} from "../../src/daemon/lifecycle.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { RecordingLog } from "../support/recording_log.ts";

const STATES: LifecycleState[] = [
  ...["stopped", "starting", "running", "reloading", "stopping", "error"] as const,
];
const LEADS: Readonly<Record<Exclude<LifecycleEvent, "fail">, [LifecycleState, LifecycleState]>> = {
  start: ["stopped", "starting"],
  started: ["starting", "running"],
  reload: ["running", "reloading"],
  reloaded: ["reloading", "running"],
  stop: ["running", "stopping"],
  stopped: ["stopping", "stopped"],
};

for (const [event, [from, to]] of Object.entries(LEADS) as [keyof typeof LEADS, string[]][]) {
  for (const state of STATES) {
    if (state === from) {
      Deno.test(`${event} leads from ${from} to ${to}`, () => {
        assertEquals(transition(state, event).state, to as LifecycleState);
      });
    } else {
      Deno.test(`${event} is not for ${state}`, () => {
        const message = `invalid state transition: ${state} -> ${to}`;
        assertThrows(() => transition(state, event), InvalidTransitionError, message);
      });
    }
  }
}

for (const state of STATES) {
  Deno.test(`a failure leads from ${state} to error`, () => {
    assertEquals(transition(state, "fail").state, "error");
  });
}

Deno.test("what is due at a change is told with it", () => {
  const effects = (state: LifecycleState, event: LifecycleEvent) =>
    transition(state, event).effects;
  assertEquals(effects("stopped", "start"), []);
  assertEquals(effects("starting", "started"), ["announce_ready"]);
  assertEquals(effects("running", "reload"), ["announce_reloading"]);
  assertEquals(effects("reloading", "reloaded"), ["announce_ready"]);
  assertEquals(effects("running", "stop"), ["announce_stopping"]);
  assertEquals(effects("stopping", "stopped"), ["release_everything"]);
  for (const state of STATES) {
    assertEquals(effects(state, "fail"), ["announce_stopping", "release_everything"]);
  }
});

Deno.test("a change is told with its time and is in the log; what must not happen changes nothing", () => {
  const clock = new FakeClock();
  const log = new RecordingLog();
  const lifecycle = new Lifecycle({ clock, log });
  const changes: LifecycleChange[] = [];
  lifecycle.onChange((change) => changes.push(change));
  lifecycle.advance("start");
  clock.skip(250);
  assertThrows(() => lifecycle.advance("reload"), InvalidTransitionError);
  lifecycle.advance("started");
  const startMs = Date.parse("2026-06-15T12:00:00Z");
  assertEquals([lifecycle.state, lifecycle.sinceMs], ["running", startMs + 250]);
  assertEquals(changes.map(({ from, to, atMs }) => [from, to, atMs - startMs]), [
    ["stopped", "starting", 0],
    ["starting", "running", 250],
  ]);
  assertEquals(log.lines(), ["info state: stopped -> starting", "info state: starting -> running"]);
});
