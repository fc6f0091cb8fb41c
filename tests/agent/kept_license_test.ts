/** The license that ran last stands in for one that begins later. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { chooseLicense } from "../../src/agent/kept_license.ts";
import { LicenseError } from "../../src/license/errors.ts";
import { formatUtcDate, type License } from "../../src/license/payload.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import type { Json } from "../../src/signing/canonical_json.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { openLibraries } from "../support/open_libraries.ts";
import {
  hardwareBoundPayload,
  makeOrganization,
  type Organization,
  standardPayload,
} from "../support/organization.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

openLibraries();

const DAY_MS = 86_400_000;
const clock = new FakeClock();
const day = (number: number) => formatUtcDate(clock.wallMs() + number * DAY_MS);

type Keep = (organization: Organization) => Promise<string | undefined>;

/** Chooses between a license that was given and a kept text; returns the keys of the present and the next license. */
async function choose(
  given: Record<string, Json>,
  keep: Keep,
  log = new RecordingLog(),
): Promise<(string | undefined)[]> {
  await using folder = await temporaryFolder();
  const organization = await makeOrganization();
  const { verify, publicKeyPem } = organization;
  const kept = await keep(organization);
  if (kept !== undefined) await Deno.writeTextFile(folder.at("current.lic"), kept);
  const envelope = { alg: "ES256", payload: "", sig: "" };
  const file = { license: given as unknown as License, envelope };
  const request = { orgKey: { pem: publicKeyPem }, stateDir: folder.path };
  const deps = { platform: selectPlatform(), env: () => undefined, clock, verify, log };
  const { present, next } = await chooseLicense(file, request, deps);
  return [present.license.license_key, next?.license.license_key];
}

const LATER = standardPayload({ license_key: "NEXT", issue_date: day(1) });

Deno.test("a license that begins later waits while the kept one is valid", async () => {
  const keep = ({ license }: Organization) => license(standardPayload({ expiry_date: day(0) }));
  assertEquals(await choose(LATER, keep), ["ACME-0001", "NEXT"]);
});

Deno.test("a license that has begun is taken, whatever is kept", async () => {
  const given = standardPayload({ license_key: "NEXT", issue_date: day(0) });
  const keep = ({ license }: Organization) => license(standardPayload());
  assertEquals(await choose(given, keep), ["NEXT", undefined]);
});

/** Kept texts that stand in for nothing, and what the log says of them. */
const UNFIT: Readonly<
  Record<string, {
    keep: Keep;
    given?: Record<string, Json>;
    why?: string;
  }>
> = {
  "nothing is kept": { keep: () => Promise.resolve(undefined) },
  "the kept one was changed": {
    async keep({ license }) {
      const { sig } = JSON.parse(await license(standardPayload()));
      return JSON.stringify({
        ...JSON.parse(await license(standardPayload({ max_machines: 9 }))),
        sig,
      });
    },
    why: "license signature verification failed",
  },
  "the kept one is of another organization": {
    keep: async () => await (await makeOrganization()).license(standardPayload()),
    why: "license signature verification failed",
  },
  "the kept one has expired": {
    keep: ({ license }) => license(standardPayload({ expiry_date: day(-1) })),
    why: "license has expired",
  },
  "the kept one is for another product": {
    keep: ({ license }) => license(standardPayload({ software_id: "other" })),
    why: "license is for another software: other, not rocket",
  },
  "the given one is bound to hardware": {
    keep: ({ license }) => license(standardPayload()),
    given: hardwareBoundPayload({ issue_date: day(1) }),
  },
};

for (const [what, { keep, given = LATER, why }] of Object.entries(UNFIT)) {
  Deno.test(`a license that begins later is refused if ${what}`, async () => {
    const log = new RecordingLog();
    await assertRejects(
      () => choose(given, keep, log),
      LicenseError,
      "license is not yet active",
    );
    const [line = ""] = log.lines("warn");
    if (why === undefined) assertEquals(line, "");
    else assertStringIncludes(line, `the kept license cannot be used: ${why}`);
  });
}
