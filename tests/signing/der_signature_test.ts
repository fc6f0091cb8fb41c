import { assert, assertEquals } from "@std/assert";
import { decodeSignature, encodeSignature } from "../../src/signing/ecdsa.ts";
import { OpenSsl } from "../../src/signing/openssl.ts";
import { WEB_CRYPTO } from "../../src/license_server/signatures.ts";
import { LIBCRYPTO } from "../support/libcrypto.ts";
import { encodePem } from "../../src/signing/pem.ts";
import { testWith } from "../support/requirements.ts";

const VECTORS = new URL(
  "../../../shared/vectors/ecdsa_secp256r1_sha256_test.json",
  import.meta.url,
);

interface Wycheproof {
  testGroups: {
    publicKeyDer: string;
    tests: {
      tcId: number;
      comment: string;
      msg: string;
      sig: string;
      result: "valid" | "invalid";
    }[];
  }[];
}

async function readVectors(): Promise<Wycheproof | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(VECTORS));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const vectors = await readVectors();

const VECTORS_HERE = {
  need: "Wycheproof's vectors beside the project",
  met: vectors !== undefined,
};

const VERIFIERS = {
  "WebCrypto": { needs: [], open: () => ({ ...WEB_CRYPTO, [Symbol.dispose]() {} }) },
  "OpenSSL": { needs: [LIBCRYPTO], open: () => new OpenSsl() },
};

for (const [name, { needs, open }] of Object.entries(VERIFIERS)) {
  testWith(
    [VECTORS_HERE, ...needs],
    `${name}: the verifier agrees with every Wycheproof case`,
    async () => {
      using signatures = open();
      const wrong: string[] = [];
      let cases = 0;
      for (const group of vectors!.testGroups) {
        const verify = await signatures.importVerifier(
          encodePem(Uint8Array.fromHex(group.publicKeyDer), "PUBLIC KEY"),
        );
        assert(verify !== undefined);
        for (const { tcId, comment, msg, sig, result } of group.tests) {
          cases++;
          const verified = await verify(Uint8Array.fromHex(msg), Uint8Array.fromHex(sig));
          if (verified !== (result === "valid")) wrong.push(`${tcId} (${comment}): ${verified}`);
        }
      }
      assertEquals(wrong, []);
      assertEquals(cases, 484);
    },
  );
}

const MINIMAL = "3006020101020102";

const NOT_MINIMAL: Record<string, string> = {
  "empty": "",
  "a long-form length": "308106020101020102",
  "a byte behind the end": MINIMAL + "00",
  "a byte cut off": MINIMAL.slice(0, -2),
  "a padded r": "300702020001020102",
  "a negative r": "3006020181020102",
  "an empty r": "30050200020102",
  "an s that is no integer": "3006020101040102",
  "an r of 33 digits": "3026022101" + "00".repeat(32) + "020102",
  "an r longer than the sequence": "3006027f01020102",
};

for (const [name, hex] of Object.entries(NOT_MINIMAL)) {
  Deno.test(`decodeSignature() refuses ${name}`, () => {
    assertEquals(decodeSignature(Uint8Array.fromHex(hex)), undefined);
  });
}

Deno.test("encodeSignature() is undone by decodeSignature()", () => {
  assertEquals(
    encodeSignature(decodeSignature(Uint8Array.fromHex(MINIMAL))!),
    Uint8Array.fromHex(MINIMAL),
  );
  for (const first of [0, 1, 0x7f, 0x80, 0xff]) {
    const raw = new Uint8Array(64).fill(0xa5);
    raw[0] = first;
    raw[32] = first;
    assertEquals(decodeSignature(encodeSignature(raw)), raw);
  }
});
