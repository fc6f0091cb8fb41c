import { assertEquals, assertRejects } from "@std/assert";
import type { ServerAnswer } from "../../src/activation/answer.ts";
import { RefusedError } from "../../src/enforcement/judgment.ts";
import { forever, LeaseBench, withGrace } from "../support/lease_bench.ts";
import { ANSWERS, refusal, verified } from "../support/scripted_server.ts";

const DECIDING = [
  "license_unknown",
  "license_not_yet_active",
  "license_hardware_bound",
  "license_closed",
  "machine_limit",
  "machine_blocked",
  "machine_key_conflict",
  "machine_decommissioned",
];

/** The advice for a customer at the machine limit. */
const ADVICE =
  "Run `sentinel deactivate` on a machine that no longer needs the license, or ask the vendor.";

for (const code of DECIDING) {
  Deno.test(`${code} ends a start, and costs running software grace`, async () => {
    const bench = new LeaseBench(withGrace(90));
    bench.server.script(refusal(code));
    const error = await assertRejects(() => bench.lease.beatAtStart(forever), RefusedError);
    const advice = code === "machine_limit" ? `. ${ADVICE}` : "";
    assertEquals(error.message, `heartbeat refused: no${advice}`);
    assertEquals((await bench.beat()).kind, "continue");
    assertEquals(bench.record.grace_remaining_seconds, 30);
    assertEquals((await bench.beat()).kind, "stop");
  });
}

const WITH_STATUS = [
  ["license_revoked", "license has been revoked"],
  ["license_suspended", "license is suspended — contact your vendor"],
  ["license_expired", "license has expired"],
] as const;

for (const [code, message] of WITH_STATUS) {
  Deno.test(`${code} is the status of that name: at a start, while running, and offline afterwards`, async () => {
    const bench = new LeaseBench(withGrace(90));
    bench.server.script(refusal(code));
    const verdict = await bench.beat();
    assertEquals(verdict.kind === "stop" && verdict.error.message, message);
    const start = () => bench.lease.beatAtStart(forever);
    assertEquals((await assertRejects(start, RefusedError)).message, message);
    bench.server.script(ANSWERS.unreachable);
    assertEquals((await assertRejects(start, RefusedError)).message, message);
  });
}

const UNDECIDED: readonly (readonly [name: string, answer: ServerAnswer])[] = [
  ["an unsigned refusal", ANSWERS.unsigned],
  ["a refusal without a code", refusal(undefined)],
  ["a refusal with an unknown code", refusal("moon_phase")],
  ["a refusal whose code is a property of every object", refusal("constructor")],
];

for (const [name, answer] of UNDECIDED) {
  Deno.test(`${name} is as good as no answer: at a start, while running`, async () => {
    const bench = new LeaseBench(withGrace(90));
    bench.server.script(answer);
    await bench.lease.beatAtStart(forever);
    assertEquals((await bench.beat()).kind, "continue");
    assertEquals(bench.record.grace_remaining_seconds, 30);
  });
}

Deno.test("a server that lost this machine activates it again, with the same identity, at a start", async () => {
  const bench = new LeaseBench(withGrace(90));
  bench.server.script(refusal("machine_unknown"), verified("ACTIVE"));
  await bench.lease.beatAtStart(forever);
  assertEquals(bench.server.calls, ["heartbeat", "activate"]);
  assertEquals(bench.lease.graceRemainingSeconds, 90);
});

Deno.test("a server that lost this machine activates it again while its software runs", async () => {
  const bench = new LeaseBench(withGrace(90));
  bench.server.script(refusal("machine_unknown"), verified("ACTIVE"));
  assertEquals(await bench.beat(), { kind: "continue" });
  assertEquals(bench.server.calls, ["heartbeat", "activate"]);
  assertEquals(bench.lease.graceRemainingSeconds, 90);
});

Deno.test("a server that has no place left for a machine that it lost decides so", async () => {
  const bench = new LeaseBench(withGrace(90));
  const lost = refusal("machine_unknown"), full = refusal("machine_limit", "limit reached");
  bench.server.script(lost, full, lost, full);
  const start = () => bench.lease.beatAtStart(forever);
  const { message } = await assertRejects(start, RefusedError);
  assertEquals(message, `heartbeat refused: limit reached. ${ADVICE}`);
  assertEquals((await bench.beat()).kind, "continue");
  assertEquals(bench.lease.graceRemainingSeconds, 30);
});

Deno.test("a server that never knows the machine is asked to activate it once a heartbeat", async () => {
  const bench = new LeaseBench(withGrace(90));
  bench.server.script(refusal("machine_unknown"));
  await bench.lease.beatAtStart(forever);
  assertEquals(bench.server.calls, ["heartbeat", "activate"]);
});
