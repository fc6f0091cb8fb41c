import { assertEquals } from "@std/assert";
import type { ProofRequest } from "../../src/ipc/proof_request.ts";
import type { IpcServerOptions } from "../../src/ipc/server.ts";
import { LICENSE, LICENSE_LINE, startServer } from "../support/ipc_server.ts";
import { ask, connectPeer } from "../support/socket_peer.ts";

const NONCE = "0b7a5a1e-3c8e-4d5a-9f37-5a3f5d1c2b10";
const withParams = (params: unknown) => JSON.stringify({ method: "get_license", params });

/** A server that adds what it was asked for. */
async function startProving(options: Partial<IpcServerOptions> = {}) {
  const asked: ProofRequest[] = [];
  const running = await startServer({
    prove: (request) => {
      asked.push(request);
      return Promise.resolve({ envelope: { alg: "ES256" }, machine_id: "M" });
    },
    ...options,
  });
  return { running, asked, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
}

Deno.test("the proof comes after the license, and before the request's id", async () => {
  await using proving = await startProving();
  const proof = '"envelope":{"alg":"ES256"},"machine_id":"M"';
  const answer = await ask(proving.running.path, withParams({ proof: true }));
  assertEquals(answer, `${LICENSE_LINE.slice(0, -1)},${proof}}`);
  const request = '{"method":"get_license","id":7,"params":{"proof":true}}';
  const withId = await ask(proving.running.path, request);
  assertEquals(withId, `${LICENSE_LINE.slice(0, -1)},${proof},"id":7}`);
});

Deno.test("a client says which proof it wants", async () => {
  await using proving = await startProving();
  for (const params of [{ proof: true }, { nonce: NONCE }, { proof: true, nonce: NONCE }]) {
    await ask(proving.running.path, withParams(params));
  }
  assertEquals(proving.asked, [
    { proof: true, nonce: undefined },
    { proof: false, nonce: NONCE },
    { proof: true, nonce: NONCE },
  ]);
});

for (const params of [{}, { proof: false }, { other: 1 }]) {
  Deno.test(`the answer is the plain one, byte for byte, with params ${JSON.stringify(params)}`, async () => {
    await using proving = await startProving();
    assertEquals(await ask(proving.running.path, withParams(params)), LICENSE_LINE);
    assertEquals(proving.asked, []);
  });
}

const UNFIT: readonly (readonly [unknown, string])[] = [
  [{ proof: "yes" }, "proof must be true or false"],
  [{ nonce: "" }, "nonce must be a UUID v4"],
  [{ nonce: 7 }, "nonce must be a UUID v4"],
  // of version 1
  [{ nonce: "0b7a5a1e-3c8e-1d5a-9f37-5a3f5d1c2b10" }, "nonce must be a UUID v4"],
  [{ proof: true, nonce: null }, "nonce must be a UUID v4"],
];

for (const [params, fault] of UNFIT) {
  Deno.test(`params ${JSON.stringify(params)} are refused`, async () => {
    await using proving = await startProving();
    assertEquals(
      await ask(proving.running.path, withParams(params)),
      JSON.stringify({ status: "error", error: `invalid params of get_license: ${fault}` }),
    );
    assertEquals(proving.asked, []);
  });
}

Deno.test("degraded answers withhold the proof, which would show the features", async () => {
  await using proving = await startProving();
  proving.running.server.setDegradeStage("errors");
  const degraded = {
    status: "ok",
    license: { ...LICENSE, features: {} },
    ...{ envelope: null, answer: null, reason: "unreachable" },
  };
  const answer = await ask(proving.running.path, withParams({ proof: true, nonce: NONCE }));
  assertEquals(JSON.parse(answer!), degraded);
  assertEquals(proving.asked, []);
});

Deno.test("a process that may not read the license gets no proof of it", async () => {
  await using proving = await startProving({ peer: "child", isDescendant: () => false });
  assertEquals(
    await ask(proving.running.path, withParams({ proof: true })),
    '{"status":"error","error":"permission denied: get_license"}',
  );
  assertEquals(proving.asked, []);
});

Deno.test("closing the server ends the wait for the license server", async () => {
  const isAsked = Promise.withResolvers<void>();
  await using proving = await startProving({
    prove: (_, signal) => {
      isAsked.resolve();
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => resolve({ answer: null, reason: "unreachable" }))
      );
    },
  });
  using peer = await connectPeer(proving.running.path);
  await peer.send(withParams({ nonce: NONCE }) + "\n");
  await isAsked.promise;
  await proving.running.server.close();
  assertEquals(
    await peer.line(),
    `${LICENSE_LINE.slice(0, -1)},"answer":null,"reason":"unreachable"}`,
  );
});
