import { assert, assertEquals } from "@std/assert";
import { FRAME_HEADER_BYTES, readFrameHeader } from "../../src/ipc/framing.ts";
import { startServer } from "../support/ipc_server.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { ask, connectPeer, type SocketPeer } from "../support/socket_peer.ts";
import { brokenFrame, brokenLine } from "./broken_messages.ts";
import { HALF_CLOSE, testWith } from "../support/requirements.ts";

const OK = '{"status":"ok"}';
const KNOWN = ["get_license", "get_features", "health", "status"];
const REFUSALS =
  /^(malformed request|malformed frame header|request exceeds (65536 bytes|10 MiB)|request nested too deeply|unknown method: [^]*)$/;

/** An error, or an answer to a request that survived the mutation. */
function checkAnswer(answer: string, sent: Uint8Array): void {
  const { status, error } = JSON.parse(answer);
  if (status === "ok") return assert(isValidRequest(sent), `answered ok: ${show(sent)}`);
  assertEquals(status, "error");
  assert(REFUSALS.test(error), `${error} for ${show(sent)}`);
}

/** Checked by a separate reader, laxer than the server's. */
function isValidRequest(sent: Uint8Array): boolean {
  try {
    const { method, id, params } = JSON.parse(new TextDecoder().decode(sent));
    return KNOWN.includes(method) && ["undefined", "string", "number"].includes(typeof id) &&
      (params === undefined || typeof params === "object");
  } catch {
    return false;
  }
}

function show(sent: Uint8Array): string {
  return JSON.stringify(new TextDecoder().decode(sent.subarray(0, 200)));
}

Deno.test("each of 9000 broken lines is refused, and the next request is answered", async () => {
  await using running = await startServer();
  const random = seededRandom(20_260_101);
  let peer: SocketPeer | undefined;
  for (let i = 0; i < 9000; i++) {
    peer ??= await connectPeer(running.path);
    const line = brokenLine(random);
    const isEmpty = line.length === 0 || (line.length === 1 && line[0] === 0x0d);
    // the first byte of a connection would decide for frames
    await peer.send('{"method":"health"}\n');
    await peer.send(line).catch(() => {});
    await peer.send('\n{"method":"health"}\n').catch(() => {});
    assertEquals(await peer.line(), OK);
    const answer = await peer.line();
    assert(answer !== undefined, `no answer to ${show(line)}`);
    if (isEmpty) {
      assertEquals(answer, OK);
      continue;
    }
    checkAnswer(answer, line);
    const next = await peer.line();
    if (next === OK) continue;
    assertEquals(next, undefined);
    assert(/exceeds|deeply/.test(answer), answer);
    peer.conn.close();
    peer = undefined;
  }
  peer?.conn.close();
  assertEquals(running.log.records, []);
});

testWith(
  [HALF_CLOSE],
  "each of 3000 broken frames is refused or waits for its rest, and the next client is served",
  async () => {
    await using running = await startServer();
    const random = seededRandom(42);
    for (let i = 0; i < 3000; i++) {
      const frame = brokenFrame(random);
      using peer = await connectPeer(running.path);
      await peer.send(frame).catch(() => {});
      await peer.endWriting().catch(() => {});
      if (frame[0] !== 0x53) {
        for (let line = await peer.line(); line !== undefined; line = await peer.line()) {
          assertEquals(JSON.parse(line).status, "error");
        }
        continue;
      }
      for (;;) {
        const header = await peer.bytes(FRAME_HEADER_BYTES);
        if (header.length === 0) break;
        const { magic, version, kind, payloadBytes } = readFrameHeader(header, 0);
        assertEquals([magic, version, kind], [0x534e544c, 1, 2]);
        const payload = await peer.bytes(payloadBytes);
        checkAnswer(new TextDecoder().decode(payload), frame.subarray(FRAME_HEADER_BYTES));
      }
    }
    assertEquals(await ask(running.path, '{"method":"health"}'), OK);
    assertEquals(running.log.records, []);
  },
);

Deno.test("a header that promises 4 GiB or 10 MiB takes no memory", async () => {
  await using running = await startServer();
  const before = Deno.memoryUsage();
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0x534e544c);
  view.setUint16(4, 1);
  view.setUint16(6, 1);
  view.setUint32(12, 10 * 2 ** 20);
  const peers: SocketPeer[] = [];
  for (let i = 0; i < 50; i++) {
    const peer = await connectPeer(running.path);
    await peer.send(header);
    peers.push(peer);
  }
  view.setUint32(12, 0xffffffff);
  using greedy = await connectPeer(running.path);
  await greedy.send(header);
  assert((await greedy.rest()).endsWith('{"status":"error","error":"request exceeds 10 MiB"}'));
  const grownBytes = Deno.memoryUsage().external - before.external;
  for (const peer of peers) peer.conn.close();
  assert(grownBytes < 10 * 2 ** 20, `${grownBytes} bytes more`);
});
