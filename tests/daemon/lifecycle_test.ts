import { assertEquals, assertThrows } from "@std/assert";
import { Lifecycle, type LifecycleChange, type LifecycleHost } from "../../src/daemon/lifecycle.ts";
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
      Deno.test(`${event} changes the state from ${from} to ${to}`, () => {
        assertEquals(transition(state, event), to as LifecycleState);
      });
    } else {
      Deno.test(`${event} is not allowed in ${state}`, () => {
        const message = `invalid state transition: ${state} -> ${to}`;
        assertThrows(() => transition(state, event), InvalidTransitionError, message);
      });
    }
  }
}

for (const state of STATES) {
  Deno.test(`a failure changes the state from ${state} to error`, () => {
    assertEquals(transition(state, "fail"), "error");
  });
}

/** A daemon that only records the actions of its states. */
class NotingHost implements LifecycleHost {
  readonly notes: string[] = [];
  readonly changes: LifecycleChange[] = [];

  announce(state: LifecycleState, announcement = ""): void {
    this.notes.push(`${state} ${announcement}`);
  }

  onRunning(): void {
    this.notes.push("it runs");
  }

  startDeadline(): void {
    this.notes.push("its time is limited");
  }

  publish(change: LifecycleChange): void {
    this.changes.push(change);
  }
}

function lifecycleOf(host: LifecycleHost): Lifecycle {
  return new Lifecycle({ clock: new FakeClock(), log: new RecordingLog(), host });
}

Deno.test("each state of a normal run acts on the daemon", () => {
  const host = new NotingHost();
  const lifecycle = lifecycleOf(host);
  for (const event of ["start", "started", "reload", "reloaded", "stop", "stopped"] as const) {
    lifecycle.advance(event);
  }
  assertEquals(host.notes, [
    "starting ",
    "running READY",
    "it runs",
    "reloading RELOADING",
    "running READY",
    "it runs",
    "stopping STOPPING",
    "its time is limited",
    "stopped ",
  ]);
});

Deno.test("a failure is announced as a stop, and its time is not limited", () => {
  const host = new NotingHost();
  const lifecycle = lifecycleOf(host);
  lifecycle.advance("start");
  lifecycle.advance("fail");
  assertEquals(host.notes, ["starting ", "error STOPPING"]);
});

Deno.test("a change is reported with its time and logged; an invalid transition changes nothing", () => {
  const clock = new FakeClock();
  const log = new RecordingLog();
  const host = new NotingHost();
  const lifecycle = new Lifecycle({ clock, log, host });
  lifecycle.advance("start");
  clock.skip(250);
  assertThrows(() => lifecycle.advance("reload"), InvalidTransitionError);
  lifecycle.advance("started");
  const startMs = Date.parse("2026-06-15T12:00:00Z");
  assertEquals([lifecycle.state, lifecycle.sinceMs], ["running", startMs + 250]);
  assertEquals(host.changes.map(({ from, to, atMs }) => [from, to, atMs - startMs]), [
    ["stopped", "starting", 0],
    ["starting", "running", 250],
  ]);
  assertEquals(log.lines(), ["info state: stopped -> starting", "info state: starting -> running"]);
});
