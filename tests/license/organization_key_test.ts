import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  fingerprintOrganizationKey,
  loadOrganizationKey,
  OrganizationKeyError,
} from "../../src/license/organization_key.ts";
import { encodePem } from "../../src/signing/pem.ts";
import { makeOrganization } from "../support/organization.ts";
import { needsProgram, POSIX, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const { publicKeyPem, sign } = await makeOrganization();

async function refusalOf(source: Parameters<typeof loadOrganizationKey>[0]): Promise<string> {
  return (await assertRejects(() => loadOrganizationKey(source), OrganizationKeyError)).message;
}

/** A key of another curve, in the same wrapping. */
async function otherCurvePem(): Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: "P-384" };
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  return encodePem(
    new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey)),
    "PUBLIC KEY",
  );
}

Deno.test("the organization's key verifies from a file and from a build", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("key.pem"), publicKeyPem.replaceAll("\n", "\r\n"));
  for (const source of [{ path: folder.at("key.pem") }, { pem: publicKeyPem }]) {
    const verify = await loadOrganizationKey(source);
    const data = Uint8Array.of(1, 2, 3), signature = await sign(data);
    assert(await verify(data, signature));
    assert(!await verify(Uint8Array.of(1, 2, 4), signature));
  }
});

const NO_KEYS: [string, () => string | Promise<string>][] = [
  ["nothing", () => ""],
  ["another curve's key", otherCurvePem],
  ["base64 that is none", () => publicKeyPem.replace("\nM", "\n=M")],
  ["a private key's label", () => publicKeyPem.replaceAll("PUBLIC", "PRIVATE")],
  ["two keys", () => publicKeyPem + publicKeyPem],
];

for (const [what, make] of NO_KEYS) {
  Deno.test(`${what} is not an organization key, in a file or built in`, async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("key.pem"), pem = await make();
    await Deno.writeTextFile(path, pem);
    assertEquals(
      await refusalOf({ path }),
      `organization key is not a P-256 public key (PEM): ${path}`,
    );
    assertEquals(
      await refusalOf({ pem }),
      "the built-in organization key is not a P-256 public key",
    );
  });
}

Deno.test("a key file that is missing, a folder, or not text is one clear line", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeFile(folder.at("binary"), Uint8Array.of(0xff));
  const cases = [
    [folder.at("none"), "not found"],
    [folder.path, "is a folder"],
    [folder.at("binary"), "is not UTF-8 text"],
  ] as const;
  for (const [path, reason] of cases) {
    assertEquals(await refusalOf({ path }), `organization key cannot be read: ${path} (${reason})`);
  }
});

testWith(
  [POSIX, needsProgram("mkfifo")],
  "reading a key file does not wait for a pipe or a device",
  async () => {
    await using folder = await temporaryFolder();
    await runTool("mkfifo", folder.at("pipe"));
    for (const path of [folder.at("pipe"), "/dev/zero"]) {
      assertEquals(
        await refusalOf({ path }),
        `organization key cannot be read: ${path} (is not a regular file)`,
      );
    }
  },
);

testWith([needsProgram("openssl")], "a key's fingerprint is the same as openssl's", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("key.pem"), publicKeyPem);
  const options = ["-pubin", "-in", folder.at("key.pem"), "-outform", "DER"];
  await runTool("openssl", "pkey", ...options, "-out", folder.at("key.der"));
  const digest = await runTool("openssl", "dgst", "-sha256", "-r", folder.at("key.der"));
  assertEquals(await fingerprintOrganizationKey(publicKeyPem), `sha256:${digest.slice(0, 64)}`);
});
