import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import type { HttpBody, HttpHandler } from "../../src/net/http_request.ts";
import { type HttpLimits, serveHttp } from "../../src/net/http_server.ts";
import { RecordingLog } from "../support/recording_log.ts";

const MAX_BYTES = 8;

/** A server that reads each body, and records what it reads. */
async function open(
  { limits, handler }: { limits?: Partial<HttpLimits>; handler?: HttpHandler } = {},
) {
  const log = new RecordingLog(), bodies: HttpBody["kind"][] = [];
  const server = await serveHttp(
    { hostname: "127.0.0.1", port: 0, clock: systemClock, log, limits },
    handler ?? (async (request) => {
      const body = await request.readBody(MAX_BYTES);
      bodies.push(body.kind);
      const text = body.kind === "read" ? new TextDecoder().decode(body.bytes) : body.kind;
      return { status: body.kind === "read" ? 200 : 413, body: `${request.path} ${text}` };
    }),
  );
  return { server, log, bodies, [Symbol.asyncDispose]: () => server.abort() };
}

/** Sends bytes and reads until the server closes, or until the answer's text has come. */
async function exchange(
  port: number,
  { send, until }: { send: string; until?: RegExp },
): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(send));
  return await readUntil(conn, until);
}

async function readUntil(conn: Deno.Conn, until: RegExp | undefined): Promise<string> {
  const buffer = new Uint8Array(4096);
  let text = "";
  while (until === undefined || !until.test(text)) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) return text;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

const request = (headers: string, body = "", path = "/x") =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n${body}`;

Deno.test("a body that arrives in pieces, or in chunks, is joined", async () => {
  await using opened = await open();
  const { port } = opened.server;
  const chunked = request("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  assertMatch(await exchange(port, { send: chunked, until: /abcde/ }), /^HTTP\/1\.1 200 /);
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(request("Content-Length: 4\r\n", "ab")));
  await conn.write(new TextEncoder().encode("cd"));
  assertMatch(await readUntil(conn, /abcd/), /^HTTP\/1\.1 200 /);
});

for (
  const [name, send] of [
    ["announced", request(`Content-Length: ${MAX_BYTES + 1}\r\n`)],
    ["not announced", request("Transfer-Encoding: chunked\r\n", "9\r\nabcdefghi\r\n")],
  ] as const
) {
  Deno.test(`a body that is too large, ${name}, is refused before its end, and the connection closed`, async () => {
    await using opened = await open();
    const answer = await exchange(opened.server.port, { send });
    assertMatch(answer, /^HTTP\/1\.1 413 [\s\S]*connection: close[\s\S]*too_large$/i);
  });
}

Deno.test("a path is without its query, also in absolute form", async () => {
  await using opened = await open();
  for (const path of ["/a/b?c=/d", "http://other.example/a/b?c"]) {
    const send = request("Content-Length: 0\r\nConnection: close\r\n", "", path);
    assertMatch(await exchange(opened.server.port, { send }), /\n\/a\/b $/);
  }
});

for (
  const [what, send] of [
    ["silent connection", ""],
    ["request that stops in its headers", "POST / HTTP/1.1\r\nHost: a\r\nX"],
    ["body that does not arrive", request("Content-Length: 4\r\n", "a")],
  ] as const
) {
  Deno.test(`a ${what} is cut off after its time`, async () => {
    await using opened = await open({ limits: { headerMs: 60, bodyMs: 60 } });
    assertEquals((await exchange(opened.server.port, { send })).startsWith("HTTP/1.1 200"), false);
    assertEquals(opened.bodies.includes("read"), false);
  });
}

Deno.test("a connection without a further request is closed after its time", async () => {
  await using opened = await open({ limits: { idleMs: 50 } });
  const send = request("Content-Length: 1\r\n", "a");
  assertMatch(await exchange(opened.server.port, { send }), /^HTTP\/1\.1 200 [\s\S]*\/x a$/);
});

Deno.test("headers above 16 KiB are refused", async () => {
  await using opened = await open();
  const send = request(`X: ${"x".repeat(17_000)}\r\n`);
  assertMatch(await exchange(opened.server.port, { send }), /^HTTP\/1\.1 431 |^$/);
  assertEquals(opened.bodies, []);
});

Deno.test("a handler that throws is a 500, and logged", async () => {
  await using opened = await open({
    handler: () => {
      throw new Error("broken");
    },
  });
  const send = request("Content-Length: 0\r\nConnection: close\r\n");
  assertMatch(await exchange(opened.server.port, { send }), /^HTTP\/1\.1 500 /);
  assertEquals(opened.log.lines("warn"), ["error request failed: broken"]);
});

Deno.test("an address in use rejects with its code", async () => {
  await using opened = await open();
  const { port } = opened.server;
  const options = { hostname: "127.0.0.1", port, clock: systemClock, log: new RecordingLog() };
  const again = () => serveHttp(options, () => ({ status: 200 }));
  const error = await assertRejects(again);
  assertEquals((error as NodeJS.ErrnoException).code, "EADDRINUSE");
});

Deno.test("connections beyond the limits are closed, an honest request beside them is answered, and one line tells it", async () => {
  const opened = await open({ limits: { connections: 8, peerShare: 0.5 } });
  using silent = new DisposableStack();
  for (let i = 0; i < 20; i++) {
    silent.use(await Deno.connect({ hostname: "127.0.0.1", port: opened.server.port }));
  }
  const send = request("Content-Length: 1\r\n", "a");
  assertMatch(await exchange(opened.server.port, { send, until: /\/x a/ }), /^HTTP\/1\.1 200 /);
  assertEquals(opened.server.connections <= 4, true);
  await opened.server.abort();
  const [line, ...others] = opened.log.lines("warn");
  assertMatch(line!, /^warn 1[67] connections of 127\.0\.0\.1 refused in the last minute$/);
  assertEquals(others, []);
});

Deno.test("bodies that do not arrive give way to a request that is complete", async () => {
  await using opened = await open({ limits: { connections: 8, peerShare: 0.5 } });
  const { port } = opened.server;
  using slow = new DisposableStack();
  for (let i = 0; i < 8; i++) {
    const conn = slow.use(await Deno.connect({ hostname: "127.0.0.1", port }));
    await conn.write(new TextEncoder().encode(request("Content-Length: 2\r\n", "a")));
  }
  const send = request("Content-Length: 1\r\n", "a");
  assertMatch(await exchange(port, { send, until: /\/x a/ }), /^HTTP\/1\.1 200 /);
});

Deno.test("shutdown() answers what is under way, abort() does not; both may be called twice", async () => {
  const arrived = Promise.withResolvers<void>(), gate = Promise.withResolvers<void>();
  const { server } = await open({
    handler: async () => {
      arrived.resolve();
      await gate.promise;
      return { status: 200, body: "done" };
    },
  });
  const send = request("Content-Length: 0\r\n");
  const answer = exchange(server.port, { send });
  await arrived.promise;
  const shut = server.shutdown();
  gate.resolve();
  assertMatch(await answer, /^HTTP\/1\.1 200 [\s\S]*done$/);
  await Promise.all([shut, server.shutdown(), server.abort()]);
  await assertRejects(() => Deno.connect({ hostname: "127.0.0.1", port: server.port }));
});
