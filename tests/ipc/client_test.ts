import { assert, assertEquals, assertRejects } from "@std/assert";
import { getExitCode } from "../../src/cli/exit_codes.ts";
import { requestIpc, watchIpc } from "../../src/ipc/client.ts";
import { IpcClientError } from "../../src/ipc/errors.ts";
import { FakeClock } from "../support/fake_clock.ts";
import type { LocalConn } from "../../src/platform/local_socket.ts";
import { LICENSE_LINE, startServer, testSocket } from "../support/ipc_server.ts";
import { listenLocally } from "../support/socket_peer.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { testWith, UNIX_SOCKETS } from "../support/requirements.ts";

/** A client's error message, and its exit status. */
async function complaint(action: () => Promise<unknown>): Promise<[number, string]> {
  const error = await assertRejects(action, IpcClientError);
  return [getExitCode(error), error.message];
}

/** A server that answers every request with these bytes, and closes the connection if `close` is set. */
async function startLiar(
  reply: Uint8Array | string,
  { close = true }: { close?: boolean } = {},
): Promise<{ path: string } & AsyncDisposable> {
  const folder = await temporaryFolder();
  const path = testSocket(folder);
  const listener = listenLocally(path);
  const open: LocalConn[] = [];
  const serving = (async () => {
    for (;;) {
      const conn = await listener.accept().catch(() => undefined);
      if (conn === undefined) return;
      open.push(conn);
      await conn.read(new Uint8Array(1024)).catch(() => null);
      let rest = typeof reply === "string" ? new TextEncoder().encode(reply) : reply;
      while (rest.length > 0) {
        const count = await conn.write(rest).catch(() => rest.length);
        rest = rest.subarray(count);
      }
      if (close) open.pop()!.close();
    }
  })();
  return {
    path,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of open) conn.close();
      await serving;
      await folder[Symbol.asyncDispose]();
    },
  };
}

Deno.test("requestIpc() returns the answer as text and as a value", async () => {
  await using running = await startServer();
  const { line, value } = await requestIpc({ path: running.path, method: "get_license" });
  assertEquals([line, value["status"]], [LICENSE_LINE, "ok"]);
  const refused = await requestIpc({ path: running.path, method: "xyz" });
  assertEquals(refused.value, { status: "error", error: "unknown method: xyz" });
});

Deno.test("requestIpc() sends the parameters", async () => {
  await using running = await startServer({ control: { restart: (params) => ({ params }) } });
  const ask = async (params?: Record<string, unknown>) => {
    const request = { path: running.path, method: "restart", ...(params && { params }) };
    return (await requestIpc(request)).value;
  };
  assertEquals(await ask(), { status: "ok", params: {} });
  assertEquals(await ask({ force: true }), { status: "ok", params: { force: true } });
});

Deno.test("requestIpc() can send thirty requests at a time", async () => {
  await using running = await startServer();
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => requestIpc({ path: running.path, method: "get_license" })),
  );
  assert(answers.every(({ line }) => line === LICENSE_LINE));
});

Deno.test("requestIpc() says that the socket is missing", async () => {
  await using folder = await temporaryFolder();
  assertEquals(
    await complaint(() => requestIpc({ path: testSocket(folder), method: "health" })),
    [87, "sentinel daemon not running (socket not found)"],
  );
});

testWith([UNIX_SOCKETS], "requestIpc() says that no server listens", async () => {
  await using folder = await temporaryFolder();
  const listener = Deno.listen({ transport: "unix", path: folder.at("a.sock") });
  await Deno.rename(folder.at("a.sock"), folder.at("b.sock"));
  listener.close();
  assertEquals(
    await complaint(() => requestIpc({ path: folder.at("b.sock"), method: "health" })),
    [87, "sentinel daemon not accepting connections"],
  );
});

testWith(
  [UNIX_SOCKETS],
  "requestIpc() says that a server with a full queue accepted no connection for five seconds",
  async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("full.sock");
    using _listener = Deno.listen({ transport: "unix", path });
    const queued: Deno.UnixConn[] = [];
    try {
      for (;;) queued.push(await Deno.connect({ transport: "unix", path }));
    } catch (error) {
      assert(error instanceof Deno.errors.WouldBlock);
    }
    const clock = new FakeClock();
    const said = complaint(() => requestIpc({ path, method: "health", clock }));
    await clock.sleepers(1);
    await clock.advance(4980);
    const pending = await Promise.race([said, Promise.resolve("waiting")]);
    await clock.advance(40);
    assertEquals([pending, await said], ["waiting", [87, "sentinel daemon connection timeout"]]);
    for (const conn of queued) conn.close();
  },
);

Deno.test("requestIpc() says that no answer arrived in 65 seconds", async () => {
  await using liar = await startLiar('{"status":', { close: false });
  const clock = new FakeClock();
  const said = complaint(() => requestIpc({ path: liar.path, method: "health", clock }));
  await clock.sleepers(1);
  await clock.advance(64_999);
  const pending = await Promise.race([said, Promise.resolve("waiting")]);
  await clock.advance(1);
  assertEquals([pending, await said], ["waiting", [87, "sentinel daemon read timeout"]]);
});

const LIES: Readonly<Record<string, [reply: string | Uint8Array, message: string]>> = {
  "closes without a word": ["", "connection closed by sentinel daemon"],
  "goes in mid-message": ['{"status":"ok"', "connection closed by sentinel daemon"],
  "sends more than 10 MiB": [
    new Uint8Array(10 * 2 ** 20 + 8192).fill(0x20),
    "response exceeds 10 MiB",
  ],
  "sends no JSON": ["hello\n", "malformed response from sentinel daemon"],
  "sends no object": ["[]\n", "malformed response from sentinel daemon"],
  "sends bad UTF-8": [Uint8Array.of(0xff, 0x0a), "malformed response from sentinel daemon"],
};
for (const [what, [reply, message]] of Object.entries(LIES)) {
  Deno.test(`requestIpc() says what is wrong with a server that ${what}`, async () => {
    await using liar = await startLiar(reply);
    const said = await complaint(() => requestIpc({ path: liar.path, method: "health" }));
    assertEquals(said, [87, message]);
  });
}

Deno.test("requestIpc() rejects with the signal's reason, before it starts or while it waits", async () => {
  await using liar = await startLiar("", { close: false });
  const options = { path: liar.path, method: "health" };
  await assertRejects(
    () => requestIpc({ ...options, signal: AbortSignal.abort(new Error("never mind")) }),
    Error,
    "never mind",
  );
  const controller = new AbortController();
  const waiting = requestIpc({ ...options, signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
});

Deno.test("watchIpc() yields the answer and the events, and closes the connection when the loop ends", async () => {
  await using running = await startServer();
  const seen: string[] = [];
  for await (const { line } of watchIpc({ path: running.path })) {
    seen.push(line);
    if (seen.length === 3) break;
    running.server.publish({ event: "state", n: seen.length });
  }
  assertEquals(seen, ['{"status":"ok"}', '{"event":"state","n":1}', '{"event":"state","n":2}']);
});
