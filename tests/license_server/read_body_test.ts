import { assertEquals } from "@std/assert";
import { MAX_BODY_BYTES } from "../../src/activation/messages.ts";
import { type Fixture, heartbeat, openHarness } from "../support/refusal_fixture.ts";
import { readAnswer } from "../support/wire_answer.ts";

interface Sent {
  /** The body; default: the whole body of a valid heartbeat. */
  readonly chunks?: readonly Uint8Array<ArrayBuffer>[];
  readonly length?: number;
  /** What follows the chunks (default: the end). */
  readonly then?: "break" | "stall";
}

/** Sends a heartbeat with this body; resolves with the answer's status and, if it is refused, its code. */
async function send(harness: Fixture, { chunks, length, then }: Sent) {
  const { fixture } = harness;
  const { path, headers, body: whole } = await heartbeat(harness);
  const waiting = [...chunks ?? [whole.slice(0, 2), whole.slice(2, 3), whole.slice(3)]];
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const chunk = waiting.shift();
      if (chunk !== undefined) controller.enqueue(chunk);
      else if (then === "break") controller.error(new Error("connection reset"));
      else if (then === undefined) controller.close();
    },
  });
  const request = new Request(`http://server${path}`, {
    method: "POST",
    headers: { ...headers, ...(length !== undefined && { "content-length": String(length) }) },
    ...(chunks?.length !== 0 || then !== undefined ? { body } : {}),
  });
  const { status, payload } = await readAnswer(await fixture.send(request), fixture.verify);
  return payload["code"] ?? status;
}

Deno.test("a body that arrives in pieces is joined", async () => {
  await using harness = await openHarness();
  assertEquals(await send(harness, {}), 200);
});

Deno.test("a request without a body has an empty one", async () => {
  await using harness = await openHarness();
  assertEquals(await send(harness, { chunks: [] }), "malformed_json");
});

Deno.test("a body of exactly 1 MiB is read, one byte more is refused, announced or not", async () => {
  await using harness = await openHarness();
  const [half, byte] = [new Uint8Array(MAX_BODY_BYTES / 2), new Uint8Array(1)];
  assertEquals(await send(harness, { chunks: [half, half] }), "malformed_json");
  assertEquals(await send(harness, { chunks: [half, half, byte] }), "body_too_large");
  // refused by its announced length alone
  const announced = { chunks: [], length: MAX_BODY_BYTES + 1, then: "stall" } as const;
  assertEquals(await send(harness, announced), "body_too_large");
});

Deno.test("a body that breaks off or does not arrive in time is refused as such", async () => {
  await using harness = await openHarness();
  const chunks = [Uint8Array.of(1)];
  assertEquals(await send(harness, { chunks, then: "break" }), "body_broken");
  const { clock } = harness.fixture;
  const stalled = send(harness, { chunks, then: "stall" });
  await clock.sleepers(1);
  await clock.advance(9_999);
  assertEquals(clock.sleeping, 1);
  await clock.advance(1);
  assertEquals(await stalled, "body_timeout");
});
