import { assertEquals } from "@std/assert";
import { selectPlatform } from "../../src/platform/select.ts";
import { examineLicense } from "../../src/doctor/license.ts";
import type { Diagnostic } from "../../src/doctor/diagnostic.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { makeOrganization, standardPayload } from "../support/organization.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

const organization = await makeOrganization();

/** The diagnostics of the license at `a.lic`, and of the key at `org.pem`. */
async function examine(
  folder: TemporaryFolder,
  { softwareId, key = organization.publicKeyPem }: { softwareId?: string; key?: string } = {},
): Promise<readonly Diagnostic[]> {
  await Deno.writeTextFile(folder.at("org.pem"), key);
  const { diagnostics } = await examineLicense({
    license: { path: folder.at("a.lic") },
    orgKey: { path: folder.at("org.pem") },
    softwareId,
  }, { clock: new FakeClock(), platform: selectPlatform() });
  return diagnostics;
}

/** The parts of a diagnostic that say what to do. */
function adviceOf(finding: Diagnostic | undefined): readonly (string | undefined)[] {
  return finding?.outcome === "failed" ? [finding.code, finding.advice] : [finding?.outcome];
}

const asText = async (folder: TemporaryFolder, text: string) =>
  await Deno.writeTextFile(folder.at("a.lic"), text);

const FAULTS: Readonly<
  Record<string, [(folder: TemporaryFolder) => unknown, code: string, advice: string]>
> = {
  "that is not there": [() => {}, "license.not_found", "check the path"],
  "that is a folder": [
    (folder) => Deno.mkdir(folder.at("a.lic")),
    "license.unreadable",
    "make the file readable for this user",
  ],
  "for other software": [
    async (folder) => asText(folder, await organization.license(standardPayload())),
    "license.software",
    "use the sentinel that came with that software",
  ],
  "of another version": [
    async (folder) => asText(folder, await organization.license(standardPayload({ v: 2 }))),
    "license.version",
    "update sentinel, or ask the vendor for a license of this version",
  ],
  "with another algorithm": [
    (folder) => asText(folder, '{"alg":"RS256","payload":"e30","sig":"AA"}'),
    "license.algorithm",
    "update sentinel, or ask the vendor for a license of this version",
  ],
  "that is none": [
    (folder) => asText(folder, "{"),
    "license.malformed",
    "ask the vendor for the file again",
  ],
};

for (const [what, [make, code, advice]] of Object.entries(FAULTS)) {
  Deno.test(`the diagnostic of a license ${what} says what to do`, async () => {
    await using folder = await temporaryFolder();
    await make(folder);
    const [, license, dates] = await examine(folder, { softwareId: "another" });
    assertEquals(adviceOf(license), [code, advice]);
    assertEquals(adviceOf(dates), ["skipped"]);
  });
}

Deno.test("with an invalid key, the license is not examined", async () => {
  await using folder = await temporaryFolder();
  const [key, license] = await examine(folder, { key: "no key" });
  assertEquals(adviceOf(key), [
    "config.org_key",
    "give the vendor's org_public_key.pem as --org-key or SENTINEL_ORG_KEY",
  ]);
  assertEquals(license, {
    check: "license",
    outcome: "skipped",
    found: "cannot be verified without the organization's key",
  });
});
