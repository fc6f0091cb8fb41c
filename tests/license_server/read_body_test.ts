import { assertEquals } from "@std/assert";
import { MAX_BODY_BYTES } from "../../src/activation/messages.ts";
import { readBody } from "../../src/license_server/routes.ts";
import { REFUSALS } from "../../src/license_server/refusals.ts";
import { FakeClock } from "../support/fake_clock.ts";

interface Sent {
  readonly chunks?: readonly Uint8Array<ArrayBuffer>[];
  readonly headers?: Record<string, string>;
  /** How the body goes on behind its chunks (default: it ends). */
  readonly then?: "break" | "stall";
}

/** What the server reads of a body that comes in pieces; `clock` to let the time pass. */
function receive({ chunks = [], headers = {}, then }: Sent, clock = new FakeClock()) {
  const waiting = [...chunks];
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const chunk = waiting.shift();
      if (chunk !== undefined) controller.enqueue(chunk);
      else if (then === "break") controller.error(new Error("connection reset"));
      else if (then === undefined) controller.close();
    },
  });
  const request = new Request("http://desk/", { method: "POST", headers, body });
  return readBody(request, clock);
}

Deno.test("a body in pieces is put together", async () => {
  const chunks = [Uint8Array.of(1, 2), Uint8Array.of(3), Uint8Array.of(4, 5, 6)];
  assertEquals(await receive({ chunks }), { value: Uint8Array.of(1, 2, 3, 4, 5, 6) });
});

Deno.test("a request without a body has an empty one", async () => {
  const request = new Request("http://desk/", { method: "POST" });
  assertEquals(await readBody(request, new FakeClock()), { value: new Uint8Array() });
});

Deno.test("a body of exactly 1 MiB is read, one byte more is refused, announced or not", async () => {
  const [half, byte] = [new Uint8Array(MAX_BODY_BYTES / 2), new Uint8Array(1)];
  const full = await receive({ chunks: [half, half] });
  assertEquals("value" in full && full.value.length, MAX_BODY_BYTES);
  const over = { refusal: REFUSALS.bodyTooLarge };
  assertEquals(await receive({ chunks: [half, half, byte] }), over);
  const headers = { "content-length": String(MAX_BODY_BYTES + 1) };
  // nothing of it is waited for
  assertEquals(await receive({ headers, then: "stall" }), over);
});

Deno.test("a body that breaks off, or does not go on in time, is refused as such", async () => {
  const chunks = [Uint8Array.of(1)];
  assertEquals(await receive({ chunks, then: "break" }), { refusal: REFUSALS.bodyBroken });
  const clock = new FakeClock();
  const stalled = receive({ chunks, then: "stall" }, clock);
  await clock.sleepers(1);
  await clock.advance(9_999);
  assertEquals(clock.sleeping, 1);
  await clock.advance(1);
  assertEquals(await stalled, { refusal: REFUSALS.bodyTimeout });
});
