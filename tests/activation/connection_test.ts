import { assert, assertEquals } from "@std/assert";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { describeConnectionFault } from "../../src/activation/client.ts";
import { ask, signed } from "../support/asked_server.ts";
import { serveAnswers } from "../support/license_server.ts";
import { POSIX, testWith } from "../support/requirements.ts";

/** Too low to be assigned, without a listener, and not one that `fetch` blocks (https://fetch.spec.whatwg.org/#port-blocking). */
const PORT_OF_NOBODY = 2;

Deno.test("a port without a listener is reported as refused", async () => {
  // a free one may be another test's by then
  assertEquals(await ask(`http://127.0.0.1:${PORT_OF_NOBODY}`), {
    kind: "unreachable",
    why: "refused",
  });
});

Deno.test("a name that does not exist is reported as a DNS failure", async () => {
  assertEquals(await ask("http://no-such-host.invalid"), { kind: "unreachable", why: "DNS" });
});

Deno.test("a server without TLS is reported as a TLS failure", async () => {
  await using server = serveAnswers(signed());
  assertEquals(await ask(server.url.replace("http:", "https:")), {
    kind: "unreachable",
    why: "TLS",
  });
});

Deno.test("a server that never answers is a timeout after 30 seconds", async () => {
  const hang = Promise.withResolvers<Response>();
  await using server = serveAnswers(() => {
    asleep.resolve();
    return hang.promise;
  });
  const asleep = Promise.withResolvers<void>();
  const clock: Clock = {
    ...systemClock,
    timeout(ms) {
      assertEquals(ms, 30_000);
      const limit = new AbortController();
      asleep.promise.then(() => limit.abort());
      return limit.signal;
    },
  };
  using _letGo = { [Symbol.dispose]: () => hang.resolve(new Response()) };
  assertEquals(await ask(server.url, { clock }), { kind: "unreachable", why: "timeout" });
});

/** Errors that cannot be provoked here, in the runtime's words. */
const SAID: readonly (readonly [string, string])[] = [
  ["Connection reset by peer (os error 104)", "reset"],
  ["Connection timed out (os error 110)", "timeout"],
  ["Network is unreachable (os error 101)", "no route"],
  ["something new", "error sending request | something new"],
];

for (const [said, why] of SAID) {
  Deno.test(`a request that failed of "${said}" has the reason ${why}`, () => {
    const error = new TypeError("error sending request", { cause: new Error(said) });
    assertEquals(describeConnectionFault(error), why);
  });
}

Deno.test("a request that is aborted before or during it ends at once", async () => {
  const hang = Promise.withResolvers<Response>();
  const stop = new AbortController();
  await using server = serveAnswers(() => {
    stop.abort();
    return hang.promise;
  });
  using _letGo = { [Symbol.dispose]: () => hang.resolve(new Response()) };
  assertEquals(await ask(server.url, { signal: stop.signal }), {
    kind: "unreachable",
    why: "stopped",
  });
  assertEquals(await ask(server.url, { signal: stop.signal }), {
    kind: "unreachable",
    why: "stopped",
  });
  assertEquals(server.requests.length, 1);
});

testWith([POSIX], "an answer cut off at any byte is discarded", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}`;
  const body = JSON.stringify({ payload: "AAAA", sig: "AAAA" });
  const whole = new TextEncoder().encode(
    `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  const reasons: string[] = [];
  for (let cut = 0; cut <= whole.length; cut++) {
    const asked = ask(url);
    {
      using connection = await listener.accept();
      await connection.read(new Uint8Array(65_536));
      await connection.write(whole.subarray(0, cut));
    }
    const answer = await asked;
    assert(answer.kind === "unreachable");
    reasons.push(answer.why);
  }
  // of a whole one it is the signature that is wrong
  assertEquals(reasons.pop(), "unverified answer: HTTP 200 with a bad signature");
  assertEquals(new Set(reasons), new Set(["connection closed in mid-answer"]));
});
