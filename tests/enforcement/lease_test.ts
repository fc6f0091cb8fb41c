import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { RefusedError, UnreachableError } from "../../src/enforcement/judgment.ts";
import { forever, LeaseBench, LICENSE, withGrace } from "../support/lease_bench.ts";
import { ANSWERS, refusal, verified } from "../support/scripted_server.ts";

const DAY = 86_400, MINUTE_MS = 60_000;

Deno.test("activate() happens once and is saved", async () => {
  const bench = new LeaseBench();
  await bench.lease.activate(forever);
  await bench.lease.activate(forever);
  assertEquals(bench.server.calls, ["activate"]);
  assertEquals(bench.record, {
    license_key: "ACME-0001",
    activated: true,
    grace_remaining_seconds: DAY,
    grace_exhausted: false,
    is_decommissioned: false,
    forbidding_status: null,
    unpaid_ms: 0,
    last_alive: null,
    answered_nonce: "N",
  });
});

const FAILED_ACTIVATIONS = [
  [ANSWERS.refused, RefusedError, "activation refused: no such machine"],
  [ANSWERS.unsigned, RefusedError, "activation refused (unsigned answer): go away"],
  [
    ANSWERS.unreachable,
    UnreachableError,
    "server unreachable (refused): http://server — cannot activate this machine",
  ],
  [verified("SUSPENDED"), RefusedError, "license is suspended — contact your vendor"],
] as const;

for (const [answer, error, message] of FAILED_ACTIVATIONS) {
  Deno.test(`a first activation that ends with "${message}" is not remembered`, async () => {
    const bench = new LeaseBench();
    bench.server.script(answer);
    const activated = assertRejects(() => bench.lease.activate(forever), error);
    await bench.clock.advance(MINUTE_MS);
    assertEquals((await activated).message, message);
    assertEquals(bench.saved, []);
  });
}

Deno.test("an activation is tried again for a moment, and what the server decides is its end", async () => {
  const bench = new LeaseBench();
  const busy = refusal("timestamp_out_of_window");
  bench.server.script(ANSWERS.unreachable, busy, verified("ACTIVE"));
  const activated = bench.lease.activate(forever);
  await bench.clock.advance(MINUTE_MS);
  await activated;
  assertEquals(bench.server.calls, ["activate", "activate", "activate"]);
  assertEquals(bench.log.lines()[0], "info activation failed (refused), trying again");
});

Deno.test("an activation that hangs is given up after 25 seconds in all", async () => {
  const bench = new LeaseBench();
  let tries = 0;
  bench.server.activate = (_, { signal }) => {
    tries++;
    return bench.clock.sleep(20_000, signal).then(() => ANSWERS.unreachable);
  };
  const activated = assertRejects(() => bench.lease.activate(forever), UnreachableError);
  await bench.clock.advance(25_000);
  await activated;
  assertEquals([tries, bench.clock.sleeping], [2, 0]);
});

Deno.test("the first miss says when the software would be stopped, later ones how much is left", async () => {
  const bench = new LeaseBench(withGrace(DAY));
  bench.server.script(ANSWERS.unreachable);
  await bench.beat();
  assertEquals(bench.log.lines(), [
    "warn Heartbeat failed (refused), trying again: the software would be stopped at 2026-06-16T12:00:00.000Z",
    "warn Heartbeat failed (refused), grace remaining: 86340 seconds",
  ]);
});

for (
  const [part, seconds, percent] of [["half", 43_230, 49], ["a quarter", 21_630, 24], [
    "a tenth",
    8_650,
    9,
  ]] as const
) {
  Deno.test(`less than ${part} of the grace is warned of, once`, async () => {
    const bench = new LeaseBench(withGrace(seconds));
    bench.server.script(ANSWERS.unreachable);
    await bench.beat();
    await bench.beat();
    const warnings = bench.log.lines().filter((line) =>
      line.includes("of the grace period is left")
    );
    assertEquals(warnings.length, 1);
    assertStringIncludes(
      warnings[0]!,
      `warn ${percent} % of the grace period is left: the software stops at 2026-`,
    );
  });
}

const FINAL = [
  ["REVOKED", "license has been revoked"],
  ["EXPIRED", "license has expired"],
  ["SUSPENDED", "license is suspended — contact your vendor"],
  ["DECOMMISSION_PENDING", "machine decommissioned"],
  ["PAUSED", "unexpected license status: PAUSED"],
  ["constructor", "unexpected license status: constructor"],
] as const;

for (const [status, message] of FINAL) {
  Deno.test(`the server's ${status} ends a start and a run`, async () => {
    const bench = new LeaseBench(withGrace(DAY));
    bench.server.script(verified(status));
    const error = await assertRejects(() => bench.lease.beatAtStart(forever), RefusedError);
    assertEquals(error.message, message);
    const verdict = await bench.beat();
    assertEquals(verdict.kind === "stop" && verdict.error.message, message);
  });
}

for (const [status, message] of FINAL.filter(([status]) => status !== "DECOMMISSION_PENDING")) {
  Deno.test(`the server's ${status} leaves no grace to later starts, until it says ACTIVE`, async () => {
    const bench = new LeaseBench(withGrace(DAY));
    bench.server.script(verified(status));
    await bench.beat();
    const next = new LeaseBench(bench.saved.at(-1)!);
    next.server.script(ANSWERS.unreachable);
    const start = () => next.lease.beatAtStart(forever);
    assertEquals((await assertRejects(start, RefusedError)).message, message);
    next.server.script(verified("ACTIVE"));
    await start();
    const reinstated = new LeaseBench(next.saved.at(-1)!);
    reinstated.server.script(ANSWERS.unreachable);
    await reinstated.lease.beatAtStart(forever);
    assertEquals(reinstated.lease.graceRemainingSeconds, DAY);
  });
}

Deno.test("decommissioning is acknowledged, then state and key are deleted", async () => {
  const bench = new LeaseBench(withGrace(DAY));
  bench.server.script(verified("DECOMMISSION_PENDING"), verified("DECOMMISSIONED"));
  await bench.beat();
  assertEquals(bench.server.calls, ["heartbeat", "acknowledge"]);
  assertEquals([bench.forgotten, bench.saved.length], [true, 0]);
  bench.server.script(ANSWERS.unreachable);
  await bench.beat();
  assertEquals(bench.saved.length, 0);
});

Deno.test("decommissioning that cannot be acknowledged keeps state and key for the next start", async () => {
  const bench = new LeaseBench(withGrace(DAY));
  bench.server.script(verified("DECOMMISSION_PENDING"), ANSWERS.unreachable);
  const verdict = await bench.beat();
  assertEquals(verdict.kind === "stop" && verdict.error.message, "machine decommissioned");
  assertEquals(bench.forgotten, false);
  assertEquals(bench.log.lines("warn"), [
    "warn decommission could not be acknowledged (refused): the next start tries again",
  ]);
});

Deno.test("a machine whose decommissioning could not be acknowledged has no grace, and tries again", async () => {
  const bench = new LeaseBench(withGrace(DAY));
  bench.server.script(verified("DECOMMISSION_PENDING"), ANSWERS.unreachable);
  await bench.beat();
  const next = new LeaseBench(bench.saved.at(-1)!);
  next.server.script(ANSWERS.unreachable);
  const start = () => next.lease.beatAtStart(forever);
  assertEquals((await assertRejects(start, RefusedError)).message, "machine decommissioned");
  next.server.script(verified("DECOMMISSION_PENDING"), verified("DECOMMISSIONED"));
  assertEquals((await assertRejects(start, RefusedError)).message, "machine decommissioned");
  assertEquals(next.forgotten, true);

  const reinstated = new LeaseBench(bench.saved.at(-1)!);
  await reinstated.lease.beatAtStart(forever);
  assertEquals(reinstated.record.is_decommissioned, false);
});

Deno.test("an unreachable start with grace continues, is logged, and costs nothing", async () => {
  const bench = new LeaseBench(withGrace(90));
  bench.server.script(ANSWERS.unreachable);
  await bench.lease.beatAtStart(forever);
  assertEquals(bench.lease.graceRemainingSeconds, 90);
  assertEquals(bench.log.lines(), [
    "warn Server unreachable, operating under grace period (90 seconds remaining)",
  ]);
});

for (const state of [withGrace(0), withGrace(0, true), withGrace(90, true)]) {
  const { grace_remaining_seconds, grace_exhausted } = state.licenses[0]!;
  Deno.test(`an unreachable start with ${grace_remaining_seconds} s left, exhausted: ${grace_exhausted}, is refused`, async () => {
    const bench = new LeaseBench(state);
    bench.server.script(ANSWERS.unreachable);
    const error = await assertRejects(() => bench.lease.beatAtStart(forever), UnreachableError);
    assertEquals(error.message, "server unreachable and grace period exhausted — cannot start");
    assertEquals(bench.record.grace_exhausted, true);
  });
}

Deno.test("each missed heartbeat costs one interval, a successful one costs and refunds nothing", async () => {
  const bench = new LeaseBench(withGrace(200));
  const told: number[] = [];
  bench.lease.onGraceCharged((seconds) => told.push(seconds));
  bench.server.script(ANSWERS.unreachable);
  assertEquals(await bench.beat(), { kind: "continue" });
  assertEquals(bench.record.grace_remaining_seconds, 140);
  assertEquals(bench.server.calls.length, 6);
  bench.server.script(verified("ACTIVE"));
  assertEquals(await bench.beat(), { kind: "continue" });
  assertEquals(bench.record.grace_remaining_seconds, 140);
  assertEquals(told, [140]);
  assertEquals(bench.log.lines().slice(1), [
    "warn Heartbeat failed (refused), grace remaining: 140 seconds",
    "info Server reachable again, 140 seconds of grace remaining",
  ]);
});

Deno.test("at 0 the software is stopped; afterwards a single miss stops it again", async () => {
  const bench = new LeaseBench(withGrace(70));
  bench.server.script(ANSWERS.unreachable);
  assertEquals((await bench.beat()).kind, "continue");
  const verdict = await bench.beat();
  const message = "server unreachable and grace period exhausted (refused) — software stopped";
  assertEquals(verdict.kind === "stop" && verdict.error.message, message);
  assertEquals([bench.record.grace_remaining_seconds, bench.record.grace_exhausted], [0, true]);

  const next = new LeaseBench(bench.saved.at(-1)!);
  await next.lease.beatAtStart(forever);
  next.server.script(ANSWERS.unreachable);
  const again = await next.beat();
  assertEquals(again.kind === "stop" && again.error.message, message);
});

Deno.test("an aborted heartbeat costs nothing", async () => {
  const bench = new LeaseBench(withGrace(90));
  bench.server.script(ANSWERS.unreachable);
  const stop = new AbortController();
  const verdict = bench.lease.beat(stop.signal);
  await bench.clock.advance(1);
  stop.abort();
  assertEquals(await verdict, { kind: "continue" });
  assertEquals(bench.lease.graceRemainingSeconds, 90);
});

Deno.test("another license starts with its own grace, and switching back refunds nothing", async () => {
  const bench = new LeaseBench(withGrace(90));
  bench.server.script(ANSWERS.unreachable);
  await bench.beat();
  const other = { ...LICENSE, license_key: "ACME-0002" };
  const second = new LeaseBench(bench.saved.at(-1)!, { license: other });
  assertEquals(second.lease.graceRemainingSeconds, DAY);
  await second.lease.activate(forever);
  const third = new LeaseBench(second.saved.at(-1)!);
  assertEquals(third.lease.graceRemainingSeconds, 30);
});

Deno.test("a state that the server must confirm has no grace until it does, and then has what it had", async () => {
  const bench = new LeaseBench({ ...withGrace(90), is_unconfirmed: true });
  bench.server.script(ANSWERS.unreachable);
  await assertRejects(() => bench.lease.beatAtStart(forever), UnreachableError);
  assertEquals(bench.record.grace_exhausted, false);
  bench.server.script(verified("ACTIVE"));
  await bench.lease.beatAtStart(forever);
  assertEquals(bench.saved.at(-1)!.is_unconfirmed, false);
  bench.server.script(ANSWERS.unreachable);
  assertEquals((await bench.beat()).kind, "continue");
});
