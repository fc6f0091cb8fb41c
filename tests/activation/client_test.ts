import { assert, assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import {
  decodeStrictBase64Url,
  encodeBase64Url,
  isEnvelopeGenuine,
} from "../../src/signing/envelope.ts";
import { ask, askFor, machine, MACHINE_ID, organization, signed } from "../support/asked_server.ts";
import {
  answerPayload,
  type SeenRequest,
  serveAnswers,
  signedAnswer,
} from "../support/license_server.ts";

Deno.test("a request carries the machine's signature over method, path, timestamp, nonce and body", async () => {
  await using server = serveAnswers(signed());
  assertEquals((await ask(server.url + "/")).kind, "verified");
  const [request] = server.requests;
  assert(request !== undefined);
  assertEquals(request.path, "/api/v1/drm/heartbeat/");
  assertEquals(request.body, { license_key: "K", machine_id: MACHINE_ID, software_version: "1" });
  const header = (name: string) => request.headers.get(`X-Sentinel-${name}`)!;
  assertEquals(header("Machine-Id"), MACHINE_ID);
  assert(Math.abs(Number(header("Timestamp")) - Date.now() / 1000) < 60);
  assertMatch(header("Nonce"), /^[0-9a-f-]{36}$/);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(request.rawBody));
  const text = [
    "POST",
    request.path,
    header("Timestamp"),
    header("Nonce"),
    new Uint8Array(digest).toHex(),
  ].join("\n");
  const der = decodeStrictBase64Url(header("Signature"));
  assert(der !== undefined && await machine.verify(new TextEncoder().encode(text), der));
});

Deno.test("a request has the nonce that it is given, and the answer is kept as signed", async () => {
  await using server = serveAnswers(signed());
  const nonce = crypto.randomUUID();
  const answer = await ask(server.url, { nonce });
  assert(answer.kind === "verified");
  assertEquals(server.requests[0]?.headers.get("X-Sentinel-Nonce"), nonce);
  assertEquals(answer.payload.request_nonce, nonce);
  assert(await isEnvelopeGenuine(answer.envelope, organization.verify));
});

/** An answer whose payload is this very text, well signed. */
const signedText = (payload: string) => async () => {
  const signature = await organization.sign(new TextEncoder().encode(payload));
  return Response.json({ payload, sig: encodeBase64Url(signature) });
};

const UNREACHABLE: [string, (request: SeenRequest) => Response | Promise<Response>, string][] = [
  [
    "an unsigned 500",
    () => Response.json({ error: "oops" }, { status: 500 }),
    "HTTP 500 without signature",
  ],
  ["a 200 of HTML", () => new Response("<h1>Log in</h1>"), "HTTP 200 without signature"],
  ["an empty 200", () => new Response(""), "HTTP 200 without signature"],
  [
    "a redirect",
    () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:9/" } }),
    "HTTP 302 without signature: redirected to http://127.0.0.1:9/, as by the login page of a network",
  ],
  [
    "a 404 without a reason",
    () => new Response("nothing here", { status: 404 }),
    "HTTP 404 without signature",
  ],
  [
    "bytes that are no UTF-8",
    () => new Response(Uint8Array.of(0xff, 0xfe)),
    "HTTP 200 without signature",
  ],
  [
    "a stranger's signature",
    (request) => signedAnswer(machine, answerPayload(request)),
    "HTTP 200 with a bad signature",
  ],
  [
    "a refusal with a stranger's signature",
    (request) => signedAnswer(machine, answerPayload(request, { error: "no", code: "x" }), 403),
    "HTTP 403 with a bad signature",
  ],
  ["a payload that is no base64url", signedText("A"), "HTTP 200 with a malformed payload"],
  [
    "a payload that is no JSON",
    signedText(encodeBase64Url("{")),
    "HTTP 200 with a malformed payload",
  ],
  [
    "another request's nonce",
    signed({ request_nonce: crypto.randomUUID() }),
    "it answers another request",
  ],
  [
    "another machine's id",
    signed({ machine_id: crypto.randomUUID() }),
    "it is for another machine",
  ],
  ["another license's key", signed({ license_key: "L" }), "it is for another license"],
  ["no status", signed({ status: 7 }), "HTTP 200 with an incomplete payload"],
  ["no time", signed({ responded_at: "yesterday" }), "HTTP 200 with an incomplete payload"],
  ["a signed 500", signed({}, 500), "HTTP 500"],
  [
    "a signed refusal without a reason",
    signed({ code: "x" }, 403),
    "a refusal with an incomplete payload",
  ],
  [
    "a signed refusal of another request",
    signed({ error: "no", code: "x", request_nonce: crypto.randomUUID() }, 403),
    "it answers another request",
  ],
  [
    "a signed refusal of long ago",
    signed({ error: "no", code: "x", responded_at: "1970-01-01T00:00:00Z" }, 403),
    "it is from another time (1970-01-01T00:00:00Z)",
  ],
];

for (const [what, answer, why] of UNREACHABLE) {
  Deno.test(`an answer with ${what} is discarded`, async () => {
    assertEquals(await askFor(answer), { kind: "unreachable", why: `unverified answer: ${why}` });
  });
}

Deno.test("an answer of more than 1 MiB is discarded", async () => {
  const padded = async (request: SeenRequest) => {
    const answer = await signedAnswer(organization, answerPayload(request));
    return new Response(await answer.text() + " ".repeat(1024 * 1024));
  };
  assertEquals(await askFor(padded), {
    kind: "unreachable",
    why: "unverified answer: HTTP 200 without signature",
  });
});

Deno.test("a compressed answer that unpacks to more than 1 MiB is discarded", async () => {
  const packed = (padding: number) => async (request: SeenRequest) => {
    const answer = await signedAnswer(organization, answerPayload(request));
    const text = await answer.text() + " ".repeat(padding);
    const bytes = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
    // content-length is that of the few packed bytes
    return new Response(await new Response(bytes).bytes(), {
      headers: { "content-encoding": "gzip" },
    });
  };
  assertEquals((await askFor(packed(1))).kind, "verified");
  assertEquals(await askFor(packed(1024 * 1024)), {
    kind: "unreachable",
    why: "unverified answer: HTTP 200 without signature",
  });
});

Deno.test("an answer of unknown length is read, up to 1 MiB", async () => {
  const inPieces = (padding: number) => async (request: SeenRequest) => {
    const text = await (await signedAnswer(organization, answerPayload(request))).text();
    return new Response(
      ReadableStream.from([text, " ".repeat(padding)]).pipeThrough(new TextEncoderStream()),
    );
  };
  assertEquals((await askFor(inPieces(1))).kind, "verified");
  assertEquals((await askFor(inPieces(1024 * 1024))).kind, "unreachable");
});

Deno.test("a server's message is cut to fit a terminal", async () => {
  const error = "\u001b[31m" + "x".repeat(1_000);
  const answer = await askFor(signed({ error, code: "x" }, 403));
  assert(answer.kind === "refused");
  // the escape character alone would color the rest
  assertEquals(answer.message, "[31m" + "x".repeat(495));
});

Deno.test("a refusal counts only if it is signed", async () => {
  const refusal = {
    error: "Maximum machine limit reached\nfor this license.",
    code: "machine_limit",
  };
  const message = "Maximum machine limit reached for this license.";
  const answer = await askFor(signed(refusal, 403));
  assert(answer.kind === "refused");
  assertEquals([answer.message, answer.code], [message, "machine_limit"]);
  assertEquals(await askFor(() => Response.json(refusal, { status: 403 })), {
    kind: "unsigned",
    message,
  });
});

for (const [aheadMs, kind] of [[300_000, "verified"], [300_001, "unreachable"]] as const) {
  for (const sign of [-1, 1]) {
    const wallMs = Date.parse("2026-03-01T12:00:00Z");
    Deno.test(`an answer ${sign * aheadMs} ms from the local clock is ${kind}`, async () => {
      const respondedAtMs = wallMs + sign * aheadMs;
      await using server = serveAnswers(
        signed({ responded_at: new Date(respondedAtMs).toISOString() }),
      );
      const clock = { ...systemClock, wallMs: () => wallMs };
      const answer = await ask(server.url, { clock, lastRespondedAtMs: respondedAtMs });
      assertEquals(answer.kind, kind);
    });
  }
}

Deno.test("an old answer counts only if it is newer than every other", async () => {
  const old = "2026-01-01T00:00:00Z";
  await using server = serveAnswers(signed({ responded_at: old }));
  assertEquals(
    (await ask(server.url, { lastRespondedAtMs: Date.parse(old) - 1 })).kind,
    "verified",
  );
  assertEquals(await ask(server.url, { lastRespondedAtMs: Date.parse(old) }), {
    kind: "unreachable",
    why: `unverified answer: it is from another time (${old})`,
  });
});
