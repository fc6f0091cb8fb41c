// Not on Windows: the remote server is not held to it yet.
import { createServer } from "node:https";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { RemoteClient } from "../../src/remote/client.ts";
import { RemoteClientError } from "../../src/remote/connect.ts";
import { encodeControl, encodeOutputFrame } from "../../src/remote/frames.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { RemoteServerFixture } from "../support/remote_server_fixture.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

const OPENSSL = [needsProgram("openssl")];

/** A client of the server at a port. */
async function clientOf(
  { files, authority }: RemoteServerFixture,
  { port, clock = systemClock }: { port: number; clock?: FakeClock | typeof systemClock },
): Promise<RemoteClient> {
  return new RemoteClient({
    address: "127.0.0.1",
    port,
    certificate: await Deno.readTextFile(files.control.certificate),
    key: await Deno.readTextFile(files.control.key),
    trust: {
      kind: "authority",
      certificateAuthority: await Deno.readTextFile(authority.certificate),
      serverName: undefined,
    },
    clock,
  });
}

/** A test with a server whose certificate is from the CA, and whose answers the test sets. */
function testAnswered(
  name: string,
  answer: RequestListener,
  run: (client: RemoteClient) => Promise<void>,
): void {
  testWith(OPENSSL, name, async () => {
    await using fixture = await RemoteServerFixture.open();
    const { tls: { certificate: cert, key } } = await fixture.trust();
    const server = createServer({ cert, key }, answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await run(await clientOf(fixture, { port: (server.address() as AddressInfo).port }));
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
}

async function refusal(action: () => Promise<unknown>): Promise<[code: string, message: string]> {
  const { code, message } = await assertRejects(action, RemoteClientError);
  return [code, message];
}

const PROBLEM = (detail: string) => JSON.stringify({ type: "about:blank", detail });
const MALFORMED = "malformed answer from the server";

const ANSWERS: readonly [what: string, status: number, body: string, string, string][] = [
  ["that is no JSON", 200, "<html>", "absent.remote", MALFORMED],
  ["of another shape", 200, '{"id":"1"}', "absent.remote", MALFORMED],
  ["with nothing in it", 200, "null", "absent.remote", MALFORMED],
  ["of an error without its reason", 502, "<html>", "absent.remote", "refused: HTTP status 502"],
  [
    "of another 404",
    404,
    PROBLEM("no such resource"),
    "absent.remote",
    "refused: no such resource",
  ],
  ["that the request was malformed", 400, PROBLEM("x"), "usage.remote", "x"],
];

for (const [what, status, body, code, message] of ANSWERS) {
  testAnswered(
    `an answer ${what} is reported`,
    (_, response) => void response.writeHead(status).end(body),
    async (client) => {
      assertEquals(await refusal(() => client.status("1")), [code, message]);
      assertEquals(await refusal(() => client.list()), [code, message]);
    },
  );
}

testAnswered(
  "an answer that ends early is reported",
  (_, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write('{"id":', () => response.destroy());
  },
  async (client) => {
    const [code, message] = await refusal(() => client.status("1"));
    assertEquals(code, "absent.remote");
    assertMatch(message, /^no whole answer from the server: ./);
  },
);

testAnswered(
  "a server that closes the connection on a request has not accepted the certificate",
  ({ socket }) => void socket.destroy(),
  async (client) => {
    assertEquals(await refusal(() => client.start("id", [])), [
      "permission.certificate",
      "certificate not accepted by the server",
    ]);
  },
);

const LOST = "connection lost before the end of the output";
const HELLO = encodeOutputFrame("stdout", new TextEncoder().encode("hello"));
const STREAMS: Readonly<Record<string, [Uint8Array, RegExp]>> = {
  "without its last frame": [encodeControl({ gap: { from: 0, to: 1 } }), new RegExp(`^${LOST}$`)],
  "cut off in a frame": [HELLO.subarray(0, 10), new RegExp(`^${LOST}$`)],
  "of something else": [new Uint8Array(8).fill(7), new RegExp(`^${LOST}: .*unknown kind of frame`)],
  "with control that is no JSON": [
    encodeOutputFrame("control", new TextEncoder().encode("{]")),
    new RegExp(`^${LOST}: .*JSON`),
  ],
  "with control of another shape": [
    encodeControl({ gap: { from: "0", to: 1 } }),
    new RegExp(`^${LOST}: .*malformed control frame`),
  ],
};

for (const [what, [bytes, expected]] of Object.entries(STREAMS)) {
  testAnswered(
    `a stream ${what} is a lost connection, after the received output`,
    (_, response) => void response.writeHead(200).end(Uint8Array.of(...HELLO, ...bytes)),
    async (client) => {
      let text = "";
      const [code, message] = await refusal(async () => {
        for await (const item of client.stream("1")) {
          if (item.kind === "bytes") text += new TextDecoder().decode(item.bytes);
        }
      });
      assertEquals(code, "absent.remote");
      assertMatch(message, expected);
      assertEquals(text.slice(0, 5), "hello");
    },
  );
}

/** A test with a listener without TLS. */
function testUnsecured(
  name: string,
  serve: (conn: Deno.TcpConn) => Promise<void>,
  run: (ask: (clock?: FakeClock) => Promise<[code: string, message: string]>) => Promise<void>,
): void {
  testWith(OPENSSL, name, async () => {
    await using fixture = await RemoteServerFixture.open();
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const serving = listener.accept().then(serve);
    await run(async (clock) => {
      const client = await clientOf(fixture, { port, ...(clock && { clock }) });
      return await refusal(() => client.list());
    });
    await serving;
  });
}

testUnsecured(
  "a server without TLS is reported",
  async (conn) => {
    await conn.read(new Uint8Array(4096));
    await conn.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
    conn.close();
  },
  async (ask) => {
    const [code, message] = await ask();
    assertEquals(code, "absent.remote");
    assertMatch(message, /^no TLS connection to the server: ./);
  },
);

testUnsecured(
  "a server that closes the connection in the handshake does not answer",
  async (conn) => {
    await conn.read(new Uint8Array(4096));
    conn.close();
  },
  async (ask) => {
    const [code, message] = await ask();
    assertEquals(code, "absent.remote");
    assertMatch(message, /^server does not answer at 127\.0\.0\.1 port \d+: ./);
  },
);

testUnsecured(
  "a server that is silent in the handshake has ten seconds",
  async (conn) => {
    const bytes = new Uint8Array(4096);
    while (await conn.read(bytes).catch(() => null) !== null);
    conn.close();
  },
  async (ask) => {
    const clock = new FakeClock();
    const asked = ask(clock);
    await clock.sleepers(1);
    await clock.advance(9_999);
    const pending = await Promise.race([asked, Promise.resolve("waiting")]);
    await clock.advance(1);
    const [code, message] = await asked;
    assertEquals([pending, code], ["waiting", "absent.remote"]);
    assertMatch(message, /^server does not answer at 127\.0\.0\.1 port \d+: connection timeout$/);
  },
);
