import { assertEquals, assertRejects } from "@std/assert";
import { LicenseError } from "../../src/license/errors.ts";
import { verifyLicense } from "../../src/license/license_file.ts";
import { encodeBase64Url } from "../../src/signing/envelope.ts";
import type { Json } from "../../src/signing/canonical_json.ts";
import {
  hardwareBoundPayload,
  makeOrganization,
  standardPayload,
} from "../support/organization.ts";

const organization = await makeOrganization();

/** A license file whose payload is this very text, well signed. */
async function fileOf(payloadText: string): Promise<string> {
  const payload = encodeBase64Url(payloadText);
  const sig = encodeBase64Url(await organization.sign(new TextEncoder().encode(payload)));
  return JSON.stringify({ alg: "ES256", payload, sig });
}

async function refusalOf(file: string): Promise<string> {
  return (await assertRejects(() => verifyLicense(file, organization.verify), LicenseError))
    .message;
}

Deno.test("a STANDARD and a HARDWARE_BOUND license verify, and keep unknown fields", async () => {
  for (const payload of [standardPayload(), hardwareBoundPayload()]) {
    const file = await organization.license({ ...payload, a_remark: ["Zoë's"] });
    const license = await verifyLicense(file, organization.verify);
    assertEquals(license, { ...payload, a_remark: ["Zoë's"] } as never);
    assertEquals(Object.keys(license).at(-1), "a_remark");
  }
});

Deno.test("features stay unchanged, whatever their names", async () => {
  const text = JSON.stringify(standardPayload()).replace(
    '"seats":5',
    '"__proto__":{"x":1},"constructor":"c","seats":5',
  );
  const license = await verifyLicense(await fileOf(text), organization.verify);
  assertEquals(
    JSON.stringify(license.features),
    '{"__proto__":{"x":1},"constructor":"c","seats":5,"name":"Zoë"}',
  );
});

const BAD_FIELDS: [string, Record<string, Json | undefined>, string][] = [
  ["another version", { v: 2 }, "license version 2 is not supported (expected 1)"],
  ["a version that is text", { v: "1" }, "invalid license payload: v must be an integer"],
  ["no version", { v: undefined }, "invalid license payload: v is missing"],
  ["an empty key", { license_key: "" }, "invalid license payload: license_key must not be empty"],
  [
    "a key that is a number",
    { license_key: 7 },
    "invalid license payload: license_key must be a string",
  ],
  ["no org_id", { org_id: undefined }, "invalid license payload: org_id is missing"],
  ["no software_id", { software_id: undefined }, "invalid license payload: software_id is missing"],
  [
    "another type",
    { license_type: "FLOATING" },
    "invalid license payload: license_type must be STANDARD or HARDWARE_BOUND",
  ],
  ["no type", { license_type: undefined }, "invalid license payload: license_type is missing"],
  [
    "a day that does not exist",
    { expiry_date: "2026-02-30" },
    "invalid license payload: expiry_date must be a date (YYYY-MM-DD)",
  ],
  [
    "a date with a time",
    { issue_date: "2026-02-01T00:00:00Z" },
    "invalid license payload: issue_date must be a date (YYYY-MM-DD)",
  ],
  ["no machines", { max_machines: 0 }, "invalid license payload: max_machines must be at least 1"],
  [
    "half a machine",
    { max_machines: 1.5 },
    "invalid license payload: max_machines must be an integer",
  ],
  ["features in a list", { features: [] }, "invalid license payload: features must be an object"],
  [
    "a server that is no URL",
    { server_url: "ftp://x" },
    "invalid license payload: server_url must be an http(s) URL",
  ],
  [
    "no interval",
    { heartbeat_interval_minutes: undefined },
    "STANDARD license missing heartbeat_interval_minutes",
  ],
  [
    "no grace",
    { heartbeat_grace_period_days: undefined },
    "STANDARD license missing heartbeat_grace_period_days",
  ],
  [
    "an interval of nothing",
    { heartbeat_interval_minutes: 0 },
    "invalid license payload: heartbeat_interval_minutes must be at least 1",
  ],
  [
    "a fingerprint",
    { hardware_fingerprint: "ab".repeat(32) },
    "invalid license payload: hardware_fingerprint must not be set for STANDARD licenses",
  ],
  [
    "a checksum that is none",
    { software_checksum: "abc" },
    "invalid license payload: software_checksum must be 64 hex digits (SHA-256)",
  ],
];

for (const [what, change, message] of BAD_FIELDS) {
  Deno.test(`a STANDARD license with ${what} is refused`, async () => {
    assertEquals(await refusalOf(await organization.license(standardPayload(change))), message);
  });
}

const BAD_BOUND_FIELDS: [string, Record<string, Json | undefined>, string][] = [
  [
    "no fingerprint",
    { hardware_fingerprint: undefined },
    "HARDWARE_BOUND license missing hardware_fingerprint",
  ],
  [
    "a fingerprint of another form",
    { hardware_fingerprint: "v3:x" },
    "invalid license payload: hardware_fingerprint must be a v1 or v2 fingerprint",
  ],
  [
    "an interval",
    { heartbeat_interval_minutes: 5 },
    "invalid license payload: heartbeat_interval_minutes must not be set for HARDWARE_BOUND licenses",
  ],
  [
    "a server",
    { server_url: "https://x" },
    "invalid license payload: server_url must not be set for HARDWARE_BOUND licenses",
  ],
];

for (const [what, change, message] of BAD_BOUND_FIELDS) {
  Deno.test(`a HARDWARE_BOUND license with ${what} is refused`, async () => {
    assertEquals(
      await refusalOf(await organization.license(hardwareBoundPayload(change))),
      message,
    );
  });
}

const BAD_PAYLOADS: [string, string, string][] = [
  ["no JSON", "not json", "invalid license payload: malformed JSON"],
  ["a list", "[1]", "invalid license payload: malformed JSON"],
  ["deep nesting", "[".repeat(100_000), "invalid license payload: malformed JSON"],
  [
    "a duplicate key",
    JSON.stringify(standardPayload()).replace("{", '{"max_machines":99,'),
    "invalid license payload: max_machines must not appear twice",
  ],
];

for (const [what, text, message] of BAD_PAYLOADS) {
  Deno.test(`a signed payload with ${what} is refused`, async () => {
    assertEquals(await refusalOf(await fileOf(text)), message);
  });
}

const BAD_FILES: [string, (good: Record<string, unknown>) => string, string][] = [
  ["no JSON", () => "no json", "invalid license file: malformed JSON"],
  ["nothing in it", () => "", "invalid license file: malformed JSON (the file is empty)"],
  [
    "JSON that is no object",
    () => "null",
    "invalid license file: malformed JSON (it is not an object)",
  ],
  [
    "no signature",
    ({ alg, payload }) => JSON.stringify({ alg, payload }),
    "invalid license file: malformed JSON (sig is missing)",
  ],
  [
    "a key twice",
    (good) => JSON.stringify(good).replace("{", '{"sig":"AA",'),
    'invalid license file: malformed JSON ("sig" appears twice)',
  ],
  ["deep nesting", () => "[".repeat(500_000), "invalid license file: malformed JSON"],
  [
    "another algorithm",
    (good) => JSON.stringify({ ...good, alg: "RS256" }),
    "unsupported license algorithm: RS256 (expected ES256)",
  ],
  [
    "no algorithm at all, in its own words",
    (good) => JSON.stringify({ ...good, alg: "none\n\u001b[31m" }),
    "unsupported license algorithm: none??[31m (expected ES256)",
  ],
  [
    "an algorithm without end",
    (good) => JSON.stringify({ ...good, alg: "x".repeat(1000) }),
    `unsupported license algorithm: ${"x".repeat(32)}… (expected ES256)`,
  ],
  [
    "an empty signature",
    (good) => JSON.stringify({ ...good, sig: "" }),
    "license signature verification failed",
  ],
  [
    "a padded signature",
    (good) => JSON.stringify({ ...good, sig: good["sig"] + "=" }),
    "license signature verification failed",
  ],
  [
    "another payload",
    (good) => JSON.stringify({ ...good, payload: encodeBase64Url("{}") }),
    "license signature verification failed",
  ],
];

for (const [what, change, message] of BAD_FILES) {
  Deno.test(`a license file with ${what} is refused`, async () => {
    const good = JSON.parse(await organization.license(standardPayload()));
    assertEquals(await refusalOf(change(good)), message);
  });
}

Deno.test("another organization's license is refused before its payload is parsed", async () => {
  const stranger = await makeOrganization();
  assertEquals(
    await refusalOf(await stranger.license({ v: 7 })),
    "license signature verification failed",
  );
});

const NULLS = {
  STANDARD: standardPayload({
    hardware_fingerprint: null,
    server_url: null,
    features: null,
    software_checksum: null,
  }),
  HARDWARE_BOUND: hardwareBoundPayload({
    server_url: null,
    heartbeat_interval_minutes: null,
    heartbeat_grace_period_days: null,
    features: null,
  }),
};

for (const [type, payload] of Object.entries(NULLS)) {
  Deno.test(`a ${type} license may have null for each field that it may lack`, async () => {
    const license = await verifyLicense(
      await organization.license(payload),
      organization.verify,
    );
    assertEquals(license.features, {});
    assertEquals(Object.values(license).filter((value) => value === null), []);
  });
}

Deno.test("null for a field that the type needs is the field's absence", async () => {
  const missing = standardPayload({ heartbeat_interval_minutes: null });
  assertEquals(
    await refusalOf(await organization.license(missing)),
    "STANDARD license missing heartbeat_interval_minutes",
  );
  const keyless = standardPayload({ license_key: null });
  assertEquals(
    await refusalOf(await organization.license(keyless)),
    "invalid license payload: license_key must be a string",
  );
});

Deno.test("unknown fields keep their nulls, and absent features are none", async () => {
  const payload = standardPayload({ features: undefined, remark: null });
  const license = await verifyLicense(await organization.license(payload), organization.verify);
  assertEquals([license.features, (license as { remark?: unknown }).remark], [{}, null]);
});
