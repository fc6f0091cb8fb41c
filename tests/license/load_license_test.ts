import { assertEquals, assertRejects } from "@std/assert";
import { LicenseError } from "../../src/license/errors.ts";
import { loadLicense, loadValidLicense } from "../../src/license/license_file.ts";
import { systemClock } from "../../src/core/clock.ts";
import { makeOrganization, standardPayload } from "../support/organization.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const { license, verify } = await makeOrganization();
const LOADING = { verify, clock: systemClock };
const DATES = { issue_date: "2026-03-01", expiry_date: "2026-03-31" };
const WITHIN_MS = Date.parse("2026-03-15T00:00:00Z"), AFTER_MS = Date.parse("2026-04-01T00:00:00Z");

const TERMS: [string, { wallMs: number; softwareId?: string }, string | undefined][] = [
  ["any software", { wallMs: WITHIN_MS }, undefined],
  ["its own software", { wallMs: WITHIN_MS, softwareId: "rocket" }, undefined],
  [
    "another software",
    { wallMs: WITHIN_MS, softwareId: "other" },
    "license is for another software: rocket, not other",
  ],
  [
    "a later day",
    { wallMs: AFTER_MS },
    "license has expired (expiry: 2026-03-31); dates are in UTC, and it is 2026-04-01 00:00 UTC",
  ],
];

for (const [what, terms, refusal] of TERMS) {
  Deno.test(`a license for ${what} is ${refusal === undefined ? "valid" : "refused"}`, async () => {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(folder.at("a.lic"), await license(standardPayload(DATES)));
    const load = () => loadValidLicense({ path: folder.at("a.lic") }, { ...LOADING, ...terms });
    if (refusal === undefined) assertEquals((await load()).license.license_key, "ACME-0001");
    else assertEquals((await assertRejects(load, LicenseError)).message, refusal);
  });
}

Deno.test("loadLicense() does not check the dates", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("a.lic"), await license(standardPayload(DATES)));
  assertEquals(
    (await loadLicense({ path: folder.at("a.lic") }, LOADING)).license.expiry_date,
    DATES.expiry_date,
  );
});
