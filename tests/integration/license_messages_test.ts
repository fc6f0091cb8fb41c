// Not on Windows: the software is a shell script.
// Compiled as well: it opens files, libraries and sockets with the permissions it was compiled with.
/** Every line of the license contract, from the real program: its exit status, nothing launched, nothing written. */
import { assert, assertEquals } from "@std/assert";
import type { Json } from "../../src/signing/canonical_json.ts";
import { encodeBase64Url } from "../../src/signing/envelope.ts";
import {
  hardwareBoundPayload,
  makeOrganization,
  standardPayload,
} from "../support/organization.ts";
import { runProgram } from "../support/program.ts";
import { testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { CAN_BE_KEPT_OUT, WITHOUT_CAPABILITIES } from "../support/without_capabilities.ts";

const organization = await makeOrganization();

/** What stands in the license file; `undefined` for no file. */
type Content = string | Uint8Array | undefined;

async function signedText(payload: string): Promise<string> {
  const encoded = encodeBase64Url(payload);
  const sig = encodeBase64Url(await organization.sign(new TextEncoder().encode(encoded)));
  return JSON.stringify({ alg: "ES256", payload: encoded, sig });
}

async function changed(
  change: (file: Record<string, string>) => Record<string, string>,
): Promise<string> {
  return JSON.stringify(change(JSON.parse(await organization.license(standardPayload()))));
}

function standard(changes: Record<string, Json | undefined>): Promise<string> {
  return organization.license(standardPayload(changes));
}

const CASES: [what: string, content: () => Content | Promise<Content>, line: string][] = [
  ["no file", () => undefined, "license file not found: LICENSE"],
  ["an empty file", () => "", "invalid license file: malformed JSON (the file is empty)"],
  ["2 MiB", () => " ".repeat(2 * 1024 * 1024), "license file is larger than 1 MiB"],
  [
    "binary data",
    () => crypto.getRandomValues(new Uint8Array(2048)).fill(0xff, 0, 8),
    "invalid license file: malformed JSON (it is not text in UTF-8 or UTF-16)",
  ],
  [
    "a license cut in half",
    async () => (await organization.license(standardPayload())).slice(0, 200),
    "invalid license file: malformed JSON (it is cut off after 200 characters)",
  ],
  ["deep nesting", () => '{"alg":'.repeat(100_000), "invalid license file: malformed JSON"],
  [
    "another algorithm",
    () => changed((file) => ({ ...file, alg: "RS256" })),
    "unsupported license algorithm: RS256 (expected ES256)",
  ],
  [
    "another organization's license",
    async () => (await makeOrganization()).license(standardPayload()),
    "license signature verification failed",
  ],
  [
    "a swapped payload",
    () =>
      changed((file) => ({
        ...file,
        payload: encodeBase64Url(JSON.stringify(standardPayload({ max_machines: 99 }))),
      })),
    "license signature verification failed",
  ],
  ["a payload that is no JSON", () => signedText("{"), "invalid license payload: malformed JSON"],
  [
    "a duplicate key in the payload",
    () => signedText(JSON.stringify(standardPayload()).replace("{", '{"max_machines":9,')),
    "invalid license payload: max_machines must not appear twice",
  ],
  ["version 2", () => standard({ v: 2 }), "license version 2 is not supported (expected 1)"],
  [
    "a wrong type",
    () => standard({ max_machines: "two" }),
    "invalid license payload: max_machines must be an integer",
  ],
  [
    "a future license",
    () => standard({ issue_date: "2998-01-01" }),
    "license is not yet active (activates: 2998-01-01); dates are in UTC, and the clock shows NOW: " +
    "set it if it is behind",
  ],
  [
    "an expired license",
    () => standard({ expiry_date: "2020-12-31" }),
    "license has expired (expiry: 2020-12-31); dates are in UTC, and it is NOW",
  ],
  [
    "no interval",
    () => standard({ heartbeat_interval_minutes: undefined }),
    "STANDARD license missing heartbeat_interval_minutes",
  ],
  [
    "a fingerprint in a STANDARD license",
    () => standard({ hardware_fingerprint: "ab".repeat(32) }),
    "invalid license payload: hardware_fingerprint must not be set for STANDARD licenses",
  ],
  [
    "no fingerprint in a HARDWARE_BOUND license",
    () => organization.license(hardwareBoundPayload({ hardware_fingerprint: undefined })),
    "HARDWARE_BOUND license missing hardware_fingerprint",
  ],
];

for (const [what, content, line] of CASES) {
  Deno.test(`${what}: ${line}`, async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("a.lic");
    const bytes = await content();
    if (typeof bytes === "string") await Deno.writeTextFile(path, bytes);
    else if (bytes !== undefined) await Deno.writeFile(path, bytes);
    await assertRefused(folder.path, line.replace("LICENSE", path));
  });
}

Deno.test("a folder as the license file is reported as one", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("a.lic"));
  await assertRefused(
    folder.path,
    `license file cannot be read: ${folder.at("a.lic")} is a folder`,
  );
});

testWith(CAN_BE_KEPT_OUT, "an unreadable license file is reported", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("a.lic"), "", { mode: 0o000 });
  await assertRefused(
    folder.path,
    `license file cannot be read: ${folder.at("a.lic")} (permission denied)`,
  );
});

async function assertRefused(folder: string, line: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/org.pem`, organization.publicKeyPem);
  await Deno.writeTextFile(
    `${folder}/software`,
    `#!/bin/sh\necho launched > ${folder}/launched\n`,
    { mode: 0o755 },
  );
  const before = await entriesOf(folder);
  const { code, stdout, stderr } = await runProgram([
    ...["run", "--license", `${folder}/a.lic`, "--software", `${folder}/software`],
    ...["--org-key", `${folder}/org.pem`, "--state-dir", `${folder}/state`],
  ], { env: { XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: folder }, wrapper: WITHOUT_CAPABILITIES });
  assertEquals({ code, stdout, stderr: stderr.replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/, "NOW") }, {
    code: 80,
    stdout: "",
    stderr: `sentinel: error: ${line}\n`,
  });
  assertEquals(await entriesOf(folder), before);
}

async function entriesOf(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

Deno.test("license verify and show agree about a valid license, and show prints an expired one", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("org.pem"), organization.publicKeyPem);
  await Deno.writeTextFile(folder.at("good.lic"), await standard({}));
  await Deno.writeTextFile(folder.at("old.lic"), await standard({ expiry_date: "2020-12-31" }));
  const license = (...args: string[]) =>
    runProgram(["license", ...args, "--org-key", folder.at("org.pem")]);
  assertEquals(await license("verify", folder.at("good.lic")), {
    code: 0,
    stdout: "license is valid: ACME-0001 (STANDARD, until 2999-12-31 UTC)\n",
    stderr: "",
  });
  const shown = await license("show", folder.at("old.lic"), "--json");
  assertEquals(JSON.parse(shown.stdout), standardPayload({ expiry_date: "2020-12-31" }));
  const table = (await license("show", folder.at("old.lic"))).stdout;
  assert(/^expiry_date +2020-12-31 UTC$/m.test(table), table);
  assertEquals((await license("verify", folder.at("old.lic"))).code, 80);
});
