import { assertEquals } from "@std/assert";
import { encodeFrame, FRAME_HEADER_BYTES, readFrameHeader } from "../../src/ipc/framing.ts";
import { LICENSE_LINE, MALFORMED_LINE, startServer } from "../support/ipc_server.ts";
import { ask, connectPeer, type SocketPeer } from "../support/socket_peer.ts";
import { HALF_CLOSE, testWith } from "../support/requirements.ts";

const OK = '{"status":"ok"}';

function frame(json: string, requestId = 1): Uint8Array {
  return encodeFrame(new TextEncoder().encode(json), { kind: 1, requestId });
}

async function readFrame(peer: SocketPeer): Promise<[kind: number, id: number, json: string]> {
  const { kind, requestId, payloadBytes } = readFrameHeader(
    await peer.bytes(FRAME_HEADER_BYTES),
    0,
  );
  return [kind, requestId, new TextDecoder().decode(await peer.bytes(payloadBytes))];
}

const IDS: Readonly<Record<string, string>> = {
  "a string": '"a\\"b"',
  "an empty string": '""',
  "a number": "7",
  "zero": "0",
  "a fraction": "1.5",
  "a number beyond JavaScript's": "12345678901234567890",
  "a number beyond every double": "1e999",
};
for (const [what, id] of Object.entries(IDS)) {
  Deno.test(`the answer repeats an id that is ${what}, after all other fields`, async () => {
    await using running = await startServer();
    const request = `{"params":{"id":3},"method":"health","id":${id}}`;
    assertEquals(await ask(running.path, request), `{"status":"ok","id":${id}}`);
    const license = await ask(running.path, `{"method":"get_license","id":${id}}`);
    assertEquals(license, LICENSE_LINE.slice(0, -1) + `,"id":${id}}`);
  });
}

for (const id of ["null", "true", "{}", "[1]"]) {
  Deno.test(`a request whose id is ${id} is malformed`, async () => {
    await using running = await startServer();
    assertEquals(await ask(running.path, `{"method":"health","id":${id}}`), MALFORMED_LINE);
  });
}

Deno.test("pipelined requests are answered in their order", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  const ids = Array.from({ length: 5000 }, (_, i) => i);
  await Promise.all([
    peer.send(ids.map((id) => `{"method":"get_license","id":${id}}\n`).join("")),
    (async () => {
      for (const id of ids) {
        assertEquals(await peer.line(), LICENSE_LINE.slice(0, -1) + `,"id":${id}}`);
      }
    })(),
  ]);
});

Deno.test("runs of equal answers of every length stay complete and in order", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  const methods = Array.from(
    { length: 9 },
    (_, i) => Array<string>(i + 1).fill(i % 2 === 0 ? "health" : "get_license"),
  ).flat();
  await peer.send(methods.map((method) => `{"method":"${method}"}\n`).join(""));
  for (const method of methods) {
    assertEquals(await peer.line(), method === "health" ? OK : LICENSE_LINE);
  }
});

Deno.test("a line that arrives in single bytes is one line, whatever its end", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  for (const char of '\r\n{"method":"health"}\r\n{"method":"health"}\n') await peer.send(char);
  assertEquals([await peer.line(), await peer.line()], [OK, OK]);
});

testWith([HALF_CLOSE], "the rest at the end of the stream is a line", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  await peer.send('{"method":"health"}');
  await peer.endWriting();
  assertEquals([await peer.line(), await peer.line()], [OK, undefined]);
});

for (const end of ["\n", "\r\n"]) {
  const name = JSON.stringify(end);
  Deno.test(`a line of 65536 bytes before its ${name} is accepted, one more ends the connection`, async () => {
    await using running = await startServer();
    const line = (bytes: number) => '{"method":"health"}'.padEnd(bytes) + end;
    using peer = await connectPeer(running.path);
    await peer.send(line(65_536));
    assertEquals(await peer.line(), OK);
    await peer.send(line(65_537));
    assertEquals(await peer.line(), '{"status":"error","error":"request exceeds 65536 bytes"}');
    assertEquals(await peer.line(), undefined);
  });
}

Deno.test("a line without an end is refused as soon as it is too long", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  await peer.send("x".repeat(65_538));
  assertEquals(await peer.line(), '{"status":"error","error":"request exceeds 65536 bytes"}');
  assertEquals(await peer.line(), undefined);
});

Deno.test("64 levels of nesting are taken, 65 end the connection, in a string they do not count", async () => {
  await using running = await startServer();
  const request = (levels: number) =>
    `{"method":"health","params":{"a":${"[".repeat(levels - 2)}${"]".repeat(levels - 2)}}}\n`;
  using peer = await connectPeer(running.path);
  await peer.send(request(64));
  assertEquals(await peer.line(), OK);
  await peer.send(`{"method":"health","params":{"a":"${"[".repeat(100)}"}}\n`);
  assertEquals(await peer.line(), OK);
  await peer.send(request(65) + '{"method":"health"}\n');
  assertEquals(await peer.line(), '{"status":"error","error":"request nested too deeply"}');
  assertEquals(await peer.line(), undefined);
});

Deno.test("frames are answered in frames with their request id, also split into single bytes", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  const bytes = [
    ...frame('{"method":"get_license"}', 7),
    ...frame('{"method":"x","id":"a"}', 2 ** 32 - 1),
  ];
  for (const byte of bytes) await peer.send(Uint8Array.of(byte));
  assertEquals(await readFrame(peer), [2, 7, LICENSE_LINE]);
  const error = '{"status":"error","error":"unknown method: x","id":"a"}';
  assertEquals(await readFrame(peer), [2, 2 ** 32 - 1, error]);
});

Deno.test("a frame with a malformed payload is answered and the connection stays open", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  for (const json of ["", "[]", '{"method":"health"}\n{}']) {
    await peer.send(frame(json, 9));
    assertEquals(await readFrame(peer), [2, 9, MALFORMED_LINE]);
  }
  await peer.send(frame(' {"method":"health"}\n', 10));
  assertEquals(await readFrame(peer), [2, 10, OK]);
});

Deno.test("a frame of a megabyte is read whole", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  await peer.send(frame('{"method":"health"}'.padEnd(2 ** 20), 3));
  assertEquals(await readFrame(peer), [2, 3, OK]);
});

const HEADER_FAULTS: Readonly<Record<string, [offset: number, value: number, error: string]>> = {
  "magic": [3, 0x4d, "malformed frame header"],
  "version": [5, 2, "malformed frame header"],
  "kind": [7, 2, "malformed frame header"],
  "length": [12, 0xff, "request exceeds 10 MiB"],
};
for (const [field, [offset, value, error]] of Object.entries(HEADER_FAULTS)) {
  Deno.test(`a frame with a wrong ${field} is answered by an error, then the connection ends`, async () => {
    await using running = await startServer();
    using peer = await connectPeer(running.path);
    const bytes = frame('{"method":"health"}', 5);
    bytes[offset] = value;
    await peer.send(bytes);
    const requestId = field === "magic" ? 0 : 5;
    const json = `{"status":"error","error":"${error}"}`;
    assertEquals(await readFrame(peer), [2, requestId, json]);
    assertEquals(await peer.rest(), "");
  });
}

Deno.test("invalid UTF-8 and a byte order mark are malformed, not repaired", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  await peer.send(
    Uint8Array.of(...new TextEncoder().encode('{"method":"a'), 0xff, 0x22, 0x7d, 0x0a),
  );
  assertEquals(await peer.line(), MALFORMED_LINE);
  await peer.send('\ufeff{"method":"health"}\n');
  assertEquals(await peer.line(), MALFORMED_LINE);
});
