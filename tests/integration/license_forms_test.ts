// Not on Windows: the software is a shell script.
/** Licenses as they come out of mail programs, editors and other issuers, with the real program. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  hardwareBoundPayload,
  makeOrganization,
  standardPayload,
} from "../support/organization.ts";
import { runProgram } from "../support/program.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

const organization = await makeOrganization();
const FILE = await organization.license(standardPayload());
const encode = (text: string) => new TextEncoder().encode(text);

async function license(
  folder: TemporaryFolder,
  args: readonly string[],
  file: Uint8Array,
) {
  await Deno.writeTextFile(folder.at("org.pem"), organization.publicKeyPem);
  await Deno.writeFile(folder.at("a.lic"), file);
  return await runProgram(
    [
      ...args.map((arg) => arg === "FILE" ? folder.at("a.lic") : arg),
      "--org-key",
      folder.at("org.pem"),
    ],
  );
}

function utf16(text: string): Uint8Array {
  return Uint8Array.from(`\ufeff${text}`, (c) => c.charCodeAt(0) & 0xff)
    .reduce(
      (bytes, low, i) => (bytes.set([low, i === 0 ? 0xfe : 0], 2 * i), bytes),
      new Uint8Array(2 * (text.length + 1)),
    );
}

const FORMS: Readonly<Record<string, Uint8Array>> = {
  "with a byte order mark": encode("\ufeff" + FILE),
  "in UTF-16": utf16(FILE),
  "wrapped by a mail program": encode(FILE.replaceAll(/.{76}/g, "$&\r\n")),
  "quoted by a mail program": encode(FILE.replaceAll(/.{72}/g, "$&\n> ")),
};

for (const [form, file] of Object.entries(FORMS)) {
  Deno.test(`license verify accepts a file ${form}`, async () => {
    await using folder = await temporaryFolder();
    assertEquals(await license(folder, ["license", "verify", "FILE"], file), {
      code: 0,
      stdout: "license is valid: ACME-0001 (STANDARD, until 2999-12-31 UTC)\n",
      stderr: "",
    });
  });
}

Deno.test("license show accepts null for what a license lacks, and a fingerprint in capitals", async () => {
  await using folder = await temporaryFolder();
  const payload = hardwareBoundPayload({
    hardware_fingerprint: "AB".repeat(32),
    heartbeat_interval_minutes: null,
    heartbeat_grace_period_days: null,
    server_url: null,
    features: null,
  });
  const file = encode(await organization.license(payload));
  const { code, stdout } = await license(folder, ["license", "show", "FILE", "--json"], file);
  assertEquals([code, JSON.parse(stdout).features], [0, {}]);
});

Deno.test("a license that begins tomorrow shows the clock, in UTC", async () => {
  await using folder = await temporaryFolder();
  const file = encode(await organization.license(standardPayload({ issue_date: "2998-01-01" })));
  const { code, stderr } = await license(folder, ["license", "verify", "FILE"], file);
  assertEquals(code, 80);
  assertMatch(
    stderr,
    /not yet active \(activates: 2998-01-01\); dates are in UTC, and the clock shows \d{4}-\d\d-\d\d \d\d:\d\d UTC: set it if it is behind\n$/,
  );
});

const FORGED = "license is valid: FORGED";

for (
  const args of [["license", "show", "FILE"], ["license", "verify", "FILE"], [
    "doctor",
    "--license",
    "FILE",
  ]]
) {
  Deno.test(`no line break in a name forges a line of \`${args.slice(0, 2).join(" ")}\``, async () => {
    await using folder = await temporaryFolder();
    const payload = standardPayload({
      license_key: `K\n${FORGED}`,
      software_id: `app\u2028${FORGED}\r`,
      ["note\n" + FORGED]: `\u001b[2J\n${FORGED}`,
      features: { [`a\u0085${FORGED}`]: FORGED },
    });
    const file = encode(await organization.license(payload));
    const { stdout, stderr } = await license(folder, args, file);
    const output = stdout + stderr;
    assertStringIncludes(output, `K\\n${FORGED}`);
    const lines = output.split(/[\n\r\u0085\u2028]/);
    assertEquals(lines.filter((line) => line.startsWith(FORGED)), []);
    assertEquals(output.includes("\u001b"), false);
  });
}

Deno.test("no line break in a path forges a line of an error", async () => {
  const { code, stderr } = await runProgram(["license", "verify", `none\nsentinel: ${FORGED}`], {
    env: { SENTINEL_ORG_KEY: "none" },
  });
  assertEquals([code, stderr.split("\n").length], [2, 2]);
});
