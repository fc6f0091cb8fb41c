import { assert, assertEquals } from "@std/assert";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { ask, signed } from "../support/asked_server.ts";
import { serveAnswers } from "../support/license_server.ts";
import { POSIX, testWith } from "../support/requirements.ts";

Deno.test("nobody listening is said to be refused", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  assertEquals(await ask(`http://127.0.0.1:${port}`), { kind: "unreachable", why: "refused" });
});

Deno.test("a name that does not exist is a matter of DNS", async () => {
  assertEquals(await ask("http://no-such-host.invalid"), { kind: "unreachable", why: "DNS" });
});

Deno.test("a server that speaks no TLS where TLS is asked for is a matter of TLS", async () => {
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
  assertEquals(await ask(server.url, { clock }), { kind: "unreachable", why: "timeout" });
  hang.resolve(new Response());
});

Deno.test("a request that is stopped before or during it ends at once", async () => {
  const hang = Promise.withResolvers<Response>();
  const stop = new AbortController();
  await using server = serveAnswers(() => {
    stop.abort();
    return hang.promise;
  });
  assertEquals(await ask(server.url, { signal: stop.signal }), {
    kind: "unreachable",
    why: "stopped",
  });
  assertEquals(await ask(server.url, { signal: stop.signal }), {
    kind: "unreachable",
    why: "stopped",
  });
  assertEquals(server.requests.length, 1);
  hang.resolve(new Response());
});

testWith([POSIX], "an answer cut off at any byte is no answer", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}`;
  let cut = 0;
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(65_536));
      const body = JSON.stringify({ payload: "AAAA", sig: "AAAA" });
      const whole = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
      await connection.write(new TextEncoder().encode(whole.slice(0, cut)));
      connection.close();
      if (cut === whole.length) listener.close();
      cut += 1;
    }
  })();
  const reasons = new Set<string>();
  for (let answers = 0; answers < 68; answers++) {
    const answer = await ask(url);
    assert(answer.kind === "unreachable");
    reasons.add(answer.why);
  }
  listener.close();
  await serving;
  assertEquals([...reasons].sort(), ["connection closed in mid-answer"]);
});
