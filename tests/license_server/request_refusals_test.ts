import { assertEquals } from "@std/assert";
import {
  ACTIVATE_PATH,
  DECOMMISSION_ACK_PATH,
  HEARTBEAT_PATH,
} from "../../src/activation/messages.ts";
import {
  activation,
  type Fixture,
  heartbeat,
  openHarness,
  testRefusals,
} from "../support/refusal_fixture.ts";
import { activateBody, heartbeatBody, type WireRequest } from "../support/test_machine.ts";
import { sendTo } from "../support/license_server_fixture.ts";

/** A signed heartbeat with a header changed; `undefined` removes it. */
const withHeader = (name: string, value: string | undefined) => async (harness: Fixture) => {
  const request = await heartbeat(harness);
  const headers = { ...request.headers };
  if (value === undefined) delete headers[name];
  else headers[name] = value;
  return { ...request, headers };
};

const withBody = (body: string) => (harness: Fixture) =>
  harness.fixture.sign(harness.machine, HEARTBEAT_PATH, { body });

const stamped = (offsetSeconds: number) => (harness: Fixture) => {
  const timestamp = String(Math.floor(harness.fixture.clock.wallMs() / 1000) + offsetSeconds);
  const body = heartbeatBody(harness.machine, "K1");
  return harness.fixture.sign(harness.machine, HEARTBEAT_PATH, { body, stamp: { timestamp } });
};

const OUT_OF_WINDOW = "Request timestamp is more than 300 seconds from the server's clock.";
const FORGED = [401, "signature_invalid", "Request signature verification failed."] as const;
const MALFORMED = [400, "malformed_json", "Request body is not valid JSON."] as const;
const header = (name: string, reason: string) =>
  [400, "invalid_header", `X-Sentinel-${name} ${reason}.`] as const;
const field = (name: string, reason: string) =>
  [400, "invalid_field", `${name} ${reason}.`] as const;

testRefusals([
  ...["Machine-Id", "Timestamp", "Nonce", "Signature"].map((name) => ({
    name: `a request without X-Sentinel-${name}`,
    request: withHeader(`X-Sentinel-${name}`, undefined),
    answer: header(name, "is missing"),
  })),
  {
    name: "a machine id that is not a UUID v4",
    request: withHeader("X-Sentinel-Machine-Id", "machine-1"),
    answer: header("Machine-Id", "must be a UUID v4"),
  },
  {
    name: "a timestamp with a fraction",
    request: withHeader("X-Sentinel-Timestamp", "1781524800.5"),
    answer: header("Timestamp", "must be Unix seconds"),
  },
  {
    name: "a nonce that is not a UUID v4",
    request: withHeader("X-Sentinel-Nonce", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    answer: header("Nonce", "must be a UUID v4"),
  },
  {
    name: "a signature with padding",
    request: withHeader("X-Sentinel-Signature", "AAA="),
    answer: header("Signature", "must be base64url of a signature"),
  },
  {
    name: "a signature that is too long",
    request: withHeader("X-Sentinel-Signature", "A".repeat(100)),
    answer: header("Signature", "must be base64url of a signature"),
  },
  {
    name: "a request 301 seconds old",
    request: stamped(-301),
    answer: [401, "timestamp_out_of_window", OUT_OF_WINDOW],
  },
  {
    name: "a request 301 seconds ahead",
    request: stamped(301),
    answer: [401, "timestamp_out_of_window", OUT_OF_WINDOW],
  },
  {
    name: "a body over 16 KiB",
    request: withBody(" ".repeat(16 * 1024 + 1)),
    answer: [413, "body_too_large", "Request body exceeds 16 KiB."],
  },
  { name: "an empty body", request: withBody(""), answer: MALFORMED },
  { name: "a body cut short", request: withBody('{"license_key":"K1"'), answer: MALFORMED },
  {
    name: "a body with a duplicate key",
    request: withBody('{"license_key":"K1","license_key":"K2"}'),
    answer: MALFORMED,
  },
  { name: "a body nested 10,000 deep", request: withBody("[".repeat(1e4)), answer: MALFORMED },
  {
    name: "a body that is a number",
    request: withBody("5"),
    answer: field("Request body", "must be an object"),
  },
  {
    name: "a license key that is a number",
    request: (harness) => heartbeat(harness, { license_key: 1 }),
    answer: field("license_key", "must be a string"),
  },
  {
    name: "a body without a software version",
    request: (harness) => heartbeat(harness, { software_version: undefined }),
    answer: field("software_version", "is missing"),
  },
  {
    name: "an unknown platform",
    request: (harness) => activation(harness, { platform: "AMIGA" }),
    answer: field("platform", "is not a known platform"),
  },
  {
    name: "a malformed public key",
    request: (harness) => activation(harness, { machine_public_key_pem: "key" }),
    answer: field(
      "machine_public_key_pem",
      "must be a P-256 public key (PEM, SubjectPublicKeyInfo)",
    ),
  },
  {
    name: "a header's machine id that is not the body's",
    request: (harness) => heartbeat(harness, { machine_id: harness.other.id }),
    answer: [400, "machine_id_mismatch", "X-Sentinel-Machine-Id does not match machine_id."],
  },
  {
    name: "a body changed after signing",
    request: async (harness) => {
      const request = await heartbeat(harness);
      const text = new TextDecoder().decode(request.body).replace('"1.0"', '"2.0"');
      return { ...request, body: new TextEncoder().encode(text) };
    },
    answer: FORGED,
  },
  {
    name: "a nonce changed after signing",
    request: (harness) => withHeader("X-Sentinel-Nonce", crypto.randomUUID())(harness),
    answer: FORGED,
  },
  {
    name: "a timestamp changed after signing",
    request: async (harness) => {
      const seconds = Math.floor(harness.fixture.clock.wallMs() / 1000) + 1;
      return await withHeader("X-Sentinel-Timestamp", String(seconds))(harness);
    },
    answer: FORGED,
  },
  {
    name: "a heartbeat sent to the acknowledgement's path",
    request: async (harness) => ({ ...await heartbeat(harness), path: DECOMMISSION_ACK_PATH }),
    answer: FORGED,
  },
  {
    name: "a heartbeat signed by another machine's key",
    request: ({ fixture, machine, other }) =>
      fixture.sign({ ...machine, sign: other.sign }, HEARTBEAT_PATH, {
        body: heartbeatBody(machine, "K1"),
      }),
    answer: FORGED,
  },
  {
    name: "an activation signed by another key than its own",
    request: ({ fixture, machine, other }) =>
      fixture.sign({ ...other, sign: machine.sign }, ACTIVATE_PATH, {
        body: activateBody(other, "K1"),
      }),
    answer: FORGED,
  },
]);

Deno.test("a refusal repeats the request's nonce if it is well-formed", async () => {
  await using harness = await openHarness();
  const { fixture } = harness;
  const request = await heartbeat(harness);
  await fixture.post(request);
  const refused = await fixture.post(request);
  assertEquals(refused.status, 409);
  assertEquals(refused.payload["request_nonce"], request.headers["X-Sentinel-Nonce"]);
  const nameless = await fixture.post(await withHeader("X-Sentinel-Nonce", "x")(harness));
  assertEquals(nameless.payload["request_nonce"], "");
});

for (
  const [method, path] of [
    ["GET", HEARTBEAT_PATH],
    ["POST", "/api/v1/drm/other/"],
    ["POST", "/api/v1/drm/heartbeat"],
    ["POST", "/api/v1/drm/toString"],
  ] as const
) {
  Deno.test(`${method} ${path} is not of the protocol: an unsigned 404`, async () => {
    await using harness = await openHarness();
    const { headers, body } = await heartbeat(harness);
    const sent = { method, headers, ...method === "POST" && { body } };
    const response = await harness.fixture.send(new Request(`http://desk${path}`, sent));
    assertEquals([response.status, await response.json()], [404, { error: "Not found." }]);
  });
}

Deno.test("an address that has caused twenty refusals waits for the next, unsigned", async () => {
  await using harness = await openHarness();
  const { fixture } = harness;
  const routes = fixture.routes();
  const junk = () =>
    sendTo(routes, new Request(`http://desk${HEARTBEAT_PATH}`, { method: "POST" }));
  const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await junk()).status));
  assertEquals(new Set(statuses), new Set([400]));
  const late = await junk();
  assertEquals([late.status, late.headers.get("retry-after"), await late.json()], [
    ...[429, "3", { error: "Too many requests." }],
  ]);
  await fixture.clock.advance(3_000);
  assertEquals([(await junk()).status, (await junk()).status], [400, 429]);
});

Deno.test("beyond its allowance an address is heard for known machines, and for no activation", async () => {
  await using harness = await openHarness();
  const { fixture } = harness;
  const routes = fixture.routes();
  const send = async ({ path, headers, body }: WireRequest) => {
    const request = new Request(`http://desk${path}`, { method: "POST", headers, body });
    return (await sendTo(routes, request)).status;
  };
  for (let i = 0; i < 20; i++) {
    await sendTo(routes, new Request(`http://desk${HEARTBEAT_PATH}`, { method: "POST" }));
  }
  assertEquals(await send(await heartbeat(harness)), 200);
  assertEquals(await send(await activation(harness)), 429);
  const unknown = heartbeatBody(harness.other, "K1");
  assertEquals(
    await send(await fixture.sign(harness.other, HEARTBEAT_PATH, { body: unknown })),
    429,
  );
});

for (const offset of [-300, 300]) {
  Deno.test(`a request ${offset} seconds from the server's clock is in time`, async () => {
    await using harness = await openHarness();
    assertEquals((await harness.fixture.post(await stamped(offset)(harness))).status, 200);
  });
}
