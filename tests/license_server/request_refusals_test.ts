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
import { activateBody, heartbeatBody } from "../support/test_machine.ts";
import { LicenseServerFixture } from "../support/license_server_fixture.ts";

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
  {
    name: "an unknown path",
    request: async (harness) => ({ ...await heartbeat(harness), path: "/api/v1/drm/other/" }),
    answer: [404, "not_found", "Not found."],
  },
  {
    name: "a path without its trailing slash",
    request: async (harness) => ({ ...await heartbeat(harness), path: "/api/v1/drm/heartbeat" }),
    answer: [404, "not_found", "Not found."],
  },
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
    name: "a body over 1 MiB",
    request: withBody(" ".repeat(1024 * 1024 + 1)),
    answer: [400, "body_too_large", "Request body exceeds 1 MiB."],
  },
  { name: "an empty body", request: withBody(""), answer: MALFORMED },
  { name: "a body cut short", request: withBody('{"license_key":"K1"'), answer: MALFORMED },
  {
    name: "a body with a duplicate key",
    request: withBody('{"license_key":"K1","license_key":"K2"}'),
    answer: MALFORMED,
  },
  { name: "a body nested 100,000 deep", request: withBody("[".repeat(1e5)), answer: MALFORMED },
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

Deno.test("only POST is answered", async () => {
  await using fixture = await LicenseServerFixture.open();
  const response = await fixture.send(new Request(`http://desk${HEARTBEAT_PATH}`));
  assertEquals([response.status, (await response.json()).error], [404, "Not found."]);
});

for (const offset of [-300, 300]) {
  Deno.test(`a request ${offset} seconds from the server's clock is in time`, async () => {
    await using harness = await openHarness();
    assertEquals((await harness.fixture.post(await stamped(offset)(harness))).status, 200);
  });
}
