import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { verifyLicense } from "../../src/license/license_file.ts";
import { makeSigner, makeVerifier } from "../../src/signing/ecdsa.ts";
import { issueLicense, type LicenseTerms, makeLicenseKey } from "../../src/license_server/issue.ts";
import { issueLicenseFile, type IssueTools } from "../../src/license_server/issue_license_file.ts";
import { makeOrganizationKey } from "../../src/license_server/keys.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { openStore } from "../support/license_server_fixture.ts";

const STANDARD: LicenseTerms = {
  licenseKey: "K1",
  type: "STANDARD",
  orgId: "acme",
  softwareId: "app",
  issueDate: "2026-01-01",
  expiryDate: "2026-12-31",
  maxMachines: undefined,
  features: { tier: "pro", names: ["é", "\u{1f600}"] },
  serverUrl: "https://licenses.example",
  heartbeatMinutes: undefined,
  graceDays: undefined,
  fingerprint: undefined,
  softwareChecksum: undefined,
};

const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, [
  "sign",
  "verify",
]);
const sign = makeSigner(pair.privateKey), verify = makeVerifier(pair.publicKey);

Deno.test("an issued license is what the verifier accepts, defaults filled in", async () => {
  const { license, fileText } = await issueLicense(STANDARD, sign);
  assertEquals(Object.keys(JSON.parse(fileText)), ["alg", "payload", "sig"]);
  assertEquals(await verifyLicense(fileText, verify), license);
  assertEquals(license, {
    v: 1,
    license_key: "K1",
    org_id: "acme",
    software_id: "app",
    license_type: "STANDARD",
    issue_date: "2026-01-01",
    expiry_date: "2026-12-31",
    max_machines: 1,
    features: STANDARD.features,
    server_url: "https://licenses.example",
    heartbeat_interval_minutes: 60,
    heartbeat_grace_period_days: 7,
  });
});

Deno.test("a hardware-bound license has no heartbeat", async () => {
  const { fileText } = await issueLicense({
    ...STANDARD,
    type: "HARDWARE_BOUND",
    serverUrl: undefined,
    fingerprint: "a".repeat(64),
  }, sign);
  const license = await verifyLicense(fileText, verify);
  assertEquals(Object.keys(license).filter((name) => name.startsWith("heartbeat")), []);
});

const HASH = "0123456789abcdef";
const UNBOUND = `v2:2:disk=${HASH},cpu_model=${HASH}`;
const UNBOUND_WARNING =
  "the hardware fingerprint is weak: similar machines have the same disk, cpu_model; " +
  "it has none of machine_id, cpu, board, mac";

const REFUSED: readonly (readonly [name: string, change: Partial<LicenseTerms>, why: string])[] = [
  [
    "an expiry before the issue date",
    { expiryDate: "2025-12-31" },
    "expiry date 2025-12-31 is before issue date 2026-01-01",
  ],
  [
    "a day that is none",
    { expiryDate: "2026-02-30" },
    "cannot issue: invalid license payload: expiry_date must be a date (YYYY-MM-DD)",
  ],
  [
    "an empty license key",
    { licenseKey: "" },
    "cannot issue: invalid license payload: license_key must not be empty",
  ],
  [
    "a server URL that is none",
    { serverUrl: "licenses.example" },
    "cannot issue: invalid license payload: server_url must be an http(s) URL",
  ],
  [
    "a fingerprint on a standard license",
    { fingerprint: "a".repeat(64) },
    "cannot issue: invalid license payload: hardware_fingerprint must not be set for STANDARD licenses",
  ],
  [
    "a hardware-bound license without a fingerprint",
    { type: "HARDWARE_BOUND", serverUrl: undefined },
    "cannot issue: HARDWARE_BOUND license missing hardware_fingerprint",
  ],
  [
    "a fingerprint that similar machines have",
    { type: "HARDWARE_BOUND", serverUrl: undefined, fingerprint: UNBOUND },
    `cannot issue: ${UNBOUND_WARNING} (--weak-fingerprint issues it all the same)`,
  ],
  ...["licenseKey", "orgId", "softwareId"].map((term): typeof REFUSED[number] => [
    `a line break in ${term}`,
    { [term]: "a\nb" },
    `cannot issue: ${
      term.replace(/[A-Z]/, (letter) => `_${letter.toLowerCase()}`)
    } has control characters`,
  ]),
];

for (const [name, change, why] of REFUSED) {
  Deno.test(`issueLicense() refuses ${name}`, async () => {
    const error = await assertRejects(
      () => issueLicense({ ...STANDARD, ...change }, sign),
      SentinelError,
    );
    assertEquals([error.code, error.message], ["config.license", why]);
  });
}

const FINGERPRINTS: readonly (readonly [string, string | undefined])[] = [
  [UNBOUND, "unbound"],
  [`v2:2:machine_id=${HASH},cpu_model=${HASH}`, "copyable"],
  [`v2:2:machine_id=${HASH},board=${HASH}`, undefined],
  ["a".repeat(64), undefined],
];

for (const [fingerprint, weakness] of FINGERPRINTS) {
  Deno.test(`issueLicense() tells that ${fingerprint} is ${weakness ?? "not weak"}`, async () => {
    const terms = {
      ...STANDARD,
      type: "HARDWARE_BOUND",
      serverUrl: undefined,
      fingerprint,
      allowsWeakFingerprint: true,
    } as const;
    assertEquals((await issueLicense(terms, sign)).weakness?.kind, weakness);
  });
}

Deno.test("makeLicenseKey() is five groups of five letters, five bits of a byte each", () => {
  const key = makeLicenseKey((length) => Uint8Array.from({ length }, (_, i) => 255 - i));
  assertEquals(key, "ZYXWV-TSRQP-NMKJH-GFEDC-BA987");
});

/** Issues into a folder with a database; `meanwhile` happens when the file is written and has not got its name. */
async function prepareIssue(
  folder: string,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<
  { issue: (outPath: string, licenseKey?: string) => Promise<string>; database: string }
> {
  const { privateKeyPath: keyPath } = await makeOrganizationKey(`${folder}/keys`);
  const database = `${folder}/a.db`;
  const tools: IssueTools = {
    log: new RecordingLog(),
    nowMs: Date.parse("2026-03-04T00:00:00Z"),
    actor: "test",
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    async openStore() {
      await meanwhile();
      return await openStore(database);
    },
  };
  const terms = { ...STANDARD, issueDate: undefined };
  return {
    database,
    issue: (outPath, licenseKey) =>
      issueLicenseFile(
        { terms: { ...terms, licenseKey }, keyPath, checksumPath: undefined, outPath },
        tools,
      ),
  };
}

Deno.test("issueLicenseFile() makes a key, issues from today and registers in the same step", async () => {
  await using folder = await temporaryFolder();
  const { issue, database } = await prepareIssue(folder.path);
  const key = await issue(folder.at("a.lic"));
  assertMatch(key, /^([0-9A-HJKMNP-TV-Z]{5}-){4}[0-9A-HJKMNP-TV-Z]{5}$/);
  await using store = await openStore(database);
  const [license] = await store.listLicenses();
  assertEquals([license?.licenseKey, license?.issueDate], [key, "2026-03-04"]);
  assert((await Deno.readTextFile(folder.at("a.lic"))).startsWith('{"alg":"ES256"'));
});

Deno.test("a key that is taken is refused, and no file appears", async () => {
  await using folder = await temporaryFolder();
  const { issue } = await prepareIssue(folder.path);
  await issue(folder.at("a.lic"), "K1");
  const error = await assertRejects(() => issue(folder.at("b.lic"), "K1"), SentinelError);
  assertEquals(error.message, "license is already registered: K1");
  const names = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
  assertEquals(names.filter((name) => name.includes("lic")).sort(), ["a.lic"]);
});

Deno.test("a license file whose name is taken at the last moment is one clear line, and leaves no other", async () => {
  await using folder = await temporaryFolder();
  const { issue } = await prepareIssue(
    folder.path,
    () => Deno.mkdir(folder.at("a.lic/full"), { recursive: true }),
  );
  const error = await assertRejects(() => issue(folder.at("a.lic")), SentinelError);
  assertStringIncludes(error.message, `cannot write license file ${folder.at("a.lic")}: `);
  const names = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
  assertEquals(names.filter((name) => name.endsWith(".tmp")), []);
});

for (
  const [name, out, reason] of [
    ["into a missing folder", "none/a.lic", "no such directory"],
    ["over a folder", "keys", "it is a directory"],
  ] as const
) {
  Deno.test(`a license that cannot be written ${name} is not registered`, async () => {
    await using folder = await temporaryFolder();
    const { issue, database } = await prepareIssue(folder.path);
    const error = await assertRejects(() => issue(folder.at(out)), SentinelError);
    assertEquals(error.message, `cannot write license file ${folder.at(out)}: ${reason}`);
    await assertRejects(() => Deno.stat(database), Deno.errors.NotFound);
  });
}
