// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker writes a license of his own and has it name an algorithm by which he can sign: none at all, or an HMAC whose
 * secret is the public key. There is one algorithm; a file that names another is refused before its signature is looked at.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { encodeBase64Url } from "../../src/signing/envelope.ts";
import { AttackHarness } from "../support/attack_harness.ts";
import { standardPayload } from "../support/organization.ts";
import { testWith } from "../support/requirements.ts";

const PAYLOAD = encodeBase64Url(JSON.stringify(standardPayload()));

async function hmacOf(harness: AttackHarness): Promise<string> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const secret = await Deno.readFile(harness.at("org.pem"));
  const key = await crypto.subtle.importKey("raw", secret, hmac, false, ["sign"]);
  const mac = await crypto.subtle.sign(hmac, key, new TextEncoder().encode(PAYLOAD));
  return encodeBase64Url(new Uint8Array(mac));
}

/** Verifies the forged license, by the real program or one that does as the license says. */
async function verifyForged(alg: unknown, { isObedient = false } = {}) {
  await using harness = await AttackHarness.open();
  const sig = alg === "HS256" ? await hmacOf(harness) : "";
  await Deno.writeTextFile(harness.at("a.lic"), JSON.stringify({ alg, payload: PAYLOAD, sig }));
  return await harness.sentinel(
    ["license", "verify", harness.at("a.lic"), "--org-key", harness.at("org.pem")],
    isObedient ? { doubles: { "src/license/license_file.ts": "obedient_license.ts" } } : {},
  );
}

for (
  const alg of ["none", "None", "HS256", "RS256", "ES384", "es256", "ES256 ", "", null, ["ES256"]]
) {
  Deno.test(`a forged license of the algorithm ${JSON.stringify(alg)} is refused`, async () => {
    const { code, stderr } = await verifyForged(alg);
    assertEquals(code, 80, stderr);
    const line = typeof alg === "string"
      ? `unsupported license algorithm: ${alg} (expected ES256)`
      : "invalid license file: malformed JSON (alg is missing)";
    assertStringIncludes(stderr, `sentinel: error: ${line}\n`);
  });
}

for (const alg of ["none", "None", "HS256"]) {
  testWith([], `if a license chooses its algorithm, ${alg} is valid: the attack`, async () => {
    const { code, stdout, stderr } = await verifyForged(alg, { isObedient: true });
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "license is valid: ACME-0001");
  });
}
