import { assert, assertEquals } from "@std/assert";
import type { ServerAnswer } from "../../src/activation/answer.ts";
import { linkNonce } from "../../src/activation/nonce_chain.ts";
import { Confirmations } from "../../src/enforcement/confirmations.ts";
import { RefusedError } from "../../src/enforcement/judgment.ts";
import { forever, LeaseBench, withGrace } from "../support/lease_bench.ts";
import { ANSWERS, refusal, verified } from "../support/scripted_server.ts";

const NONCE = "0b7a5a1e-3c8e-4d5a-9f37-5a3f5d1c2b10";
const UNREACHABLE = { kind: "none", reason: "unreachable" } as const;

function open(...answers: ServerAnswer[]) {
  const bench = new LeaseBench(withGrace(90));
  bench.server.script(...answers);
  return { bench, confirmations: new Confirmations(bench.lease, { clock: bench.clock }) };
}

Deno.test("the server's answer to the software's nonce is passed on as signed, and counts as a heartbeat", async () => {
  const { bench, confirmations } = open(verified("ACTIVE", 5));
  assertEquals(await confirmations.confirm(NONCE, forever), {
    kind: "signed",
    answer: { payload: "P", sig: "S" },
  });
  await confirmations.end();
  assertEquals(bench.server.nonces, [NONCE]);
  assertEquals(bench.saved.at(-1)?.last_responded_at_ms, 5);
  assertEquals(bench.lease.lastHeartbeat?.outcome, "ACTIVE");
});

for (const answer of [ANSWERS.unreachable, ANSWERS.unsigned, ANSWERS.refused, refusal("busy")]) {
  Deno.test(`an answer that is ${answer.kind}${"code" in answer ? ` (${answer.code})` : ""} is none, and costs no grace`, async () => {
    const { bench, confirmations } = open(answer);
    assertEquals(await confirmations.confirm(NONCE, forever), UNREACHABLE);
    await confirmations.end();
    assertEquals(bench.lease.graceRemainingSeconds, 90);
    assertEquals(bench.server.calls, ["heartbeat"]);
  });
}

Deno.test("the reason is grace once a heartbeat was missed, until the server answers", async () => {
  const { bench, confirmations } = open(ANSWERS.unreachable);
  await bench.beat();
  assertEquals(await confirmations.confirm(NONCE, forever), { kind: "none", reason: "grace" });
  bench.server.script(verified("ACTIVE"));
  assertEquals((await confirmations.confirm(NONCE, forever)).kind, "signed");
  bench.server.script(ANSWERS.unreachable);
  assertEquals(await confirmations.confirm(NONCE, forever), UNREACHABLE);
  await confirmations.end();
});

Deno.test("an answer that forbids the software to run is passed on, and ends the run", async () => {
  const { bench, confirmations } = open(verified("REVOKED"));
  const watching = confirmations.watch(forever);
  assertEquals((await confirmations.confirm(NONCE, forever)).kind, "signed");
  const error = await watching;
  assert(error instanceof RefusedError);
  assertEquals(error.message, "license has been revoked");
  await confirmations.end();
  assertEquals(bench.record.forbidding_status, "REVOKED");
});

Deno.test("a signed refusal that revokes is no answer, and ends the run", async () => {
  const { confirmations } = open(refusal("license_revoked"));
  assertEquals(await confirmations.confirm(NONCE, forever), UNREACHABLE);
  assertEquals((await confirmations.watch(forever))?.message, "license has been revoked");
  await confirmations.end();
});

Deno.test("an answer while a heartbeat is tried again spares its cost", async () => {
  const { bench, confirmations } = open(ANSWERS.unreachable);
  const beating = bench.lease.beat(forever);
  await bench.clock.sleepers(1);
  bench.server.script(verified("ACTIVE"));
  await confirmations.confirm(NONCE, forever);
  bench.server.script(ANSWERS.unreachable);
  await bench.clock.advance(60_000);
  assertEquals((await beating).kind, "continue");
  assertEquals(bench.lease.graceRemainingSeconds, 90);
  await confirmations.end();
});

Deno.test("a nonce that claims a place among the machine's requests is not sent", async () => {
  const { bench, confirmations } = open(verified("ACTIVE"));
  const linked = linkNonce(NONCE, crypto.randomUUID());
  assertEquals(await confirmations.confirm(linked, forever), UNREACHABLE);
  await confirmations.end();
  assertEquals(bench.server.calls, []);
});

Deno.test("a slow server is given up before five seconds have passed", async () => {
  const { bench, confirmations } = open();
  const given = Promise.withResolvers<number>();
  bench.server.heartbeat = (_, { signal }) =>
    new Promise((resolve) =>
      signal.addEventListener("abort", () => {
        given.resolve(bench.clock.monotonicMs());
        resolve(ANSWERS.unreachable);
      })
    );
  const asked = confirmations.confirm(NONCE, forever);
  await bench.clock.advance(10_000);
  assertEquals(await asked, UNREACHABLE);
  assert(await given.promise < 5_000);
  await confirmations.end();
});

Deno.test("after the end, the server is not asked; the watch ends with the run", async () => {
  const { bench, confirmations } = open(verified("ACTIVE"));
  const over = new AbortController();
  const watching = confirmations.watch(over.signal);
  await confirmations.end();
  assertEquals(await confirmations.confirm(NONCE, forever), UNREACHABLE);
  assertEquals(bench.server.calls, []);
  over.abort();
  assertEquals(await watching, undefined);
});

Deno.test("the end waits until an answer is saved", async () => {
  const { bench, confirmations } = open(verified("SUSPENDED"));
  const disk = Promise.withResolvers<void>();
  bench.beforeSave = () => disk.promise;
  assertEquals((await confirmations.confirm(NONCE, forever)).kind, "signed");
  assertEquals(bench.saved.length, 0);
  const ended = confirmations.end().then(() => "ended");
  const turn = new Promise((resolve) => setTimeout(resolve, 0, "waiting"));
  assertEquals(await Promise.race([ended, turn]), "waiting");
  disk.resolve();
  await ended;
  assertEquals(bench.record.forbidding_status, "SUSPENDED");
});

Deno.test("an answer to the software's nonce is none that a later request names", async () => {
  const { bench, confirmations } = open(verified("ACTIVE", 5));
  await bench.lease.beat(forever);
  assertEquals(bench.record.answered_nonce, "N");
  bench.server.script(verified("ACTIVE", 6, NONCE));
  await confirmations.confirm(NONCE, forever);
  await confirmations.end();
  assertEquals(bench.record.answered_nonce, "N");
  assertEquals(bench.saved.at(-1)?.last_responded_at_ms, 6);
});
