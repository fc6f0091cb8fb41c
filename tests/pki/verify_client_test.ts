// before the library, which needs it
import "reflect-metadata";
import { Extension, PemConverter, X509Certificate, X509CrlGenerator } from "@peculiar/x509";
import { assertEquals, assertRejects } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { type ClientVerdict, createClientVerifier } from "../../src/pki/verify_client.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { type CertificateFiles, TestAuthority } from "../support/test_authority.ts";

const OPENSSL = [needsProgram("openssl")];
const CONTROL = "/CN=ops/OU=control";
const CA_EXTENSIONS = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n";

interface Judging {
  readonly authority: TestAuthority;
  /** The verdict on a chain, now or at another time. */
  judge(
    chain: CertificateFiles[],
    options?: { crl?: string; atMs?: number },
  ): Promise<ClientVerdict>;
}

function testJudging(name: string, run: (judging: Judging) => Promise<void>): void {
  testWith(OPENSSL, name, async () => {
    await using folder = await temporaryFolder();
    const authority = await TestAuthority.create(folder.at("ca"));
    await run({
      authority,
      async judge(chain, { crl, atMs = Date.now() } = {}) {
        const verify = await createClientVerifier({
          certificateAuthority: await Deno.readTextFile(authority.certificate),
          revocationList: crl && await Deno.readTextFile(crl),
          nowMs: () => atMs,
        });
        return await verify(await Promise.all(chain.map(derOf)));
      },
    });
  });
}

async function derOf({ certificate }: CertificateFiles): Promise<Uint8Array> {
  const pem = await Deno.readTextFile(certificate);
  return Uint8Array.fromBase64(pem.replaceAll(/-----.*-----/g, ""));
}

const refused = (why: string): ClientVerdict => ({ kind: "refused", why });
const accepted: ClientVerdict = { kind: "accepted", cn: "ops", role: "control" };

testJudging(
  "a client of the CA is accepted with its name and role",
  async ({ authority, judge }) => {
    assertEquals(await judge([await authority.client("ops", "control")]), accepted);
    assertEquals(await judge([await authority.client("watch", "observe")]), {
      kind: "accepted",
      cn: "watch",
      role: "observe",
    });
  },
);

testJudging("dates count to the second", async ({ authority, judge }) => {
  const files = await authority.issue("dated", {
    subject: CONTROL,
    from: "20300101000000Z",
    to: "20300102000000Z",
  });
  const from = Date.parse("2030-01-01T00:00:00Z"), to = Date.parse("2030-01-02T00:00:00Z");
  assertEquals(await judge([files], { atMs: from - 1 }), refused("certificate is not valid yet"));
  assertEquals(await judge([files], { atMs: to + 1 }), refused("certificate is expired"));
});

testWith(
  OPENSSL,
  "a client that was accepted is refused after it expires, and no other in its place",
  async () => {
    await using folder = await temporaryFolder();
    const authority = await TestAuthority.create(folder.at("ca"));
    const der = await derOf(await authority.client("ops", "control"));
    let nowMs = Date.now();
    const verify = await createClientVerifier({
      certificateAuthority: await Deno.readTextFile(authority.certificate),
      nowMs: () => nowMs,
    });
    assertEquals([await verify([der]), await verify([der])], [accepted, accepted]);
    const changed = der.slice();
    changed[changed.length - 1]! ^= 1;
    assertEquals((await verify([changed])).kind, "refused");
    nowMs = Date.parse("2100-01-01");
    assertEquals(await verify([der]), refused("certificate is expired"));
  },
);

testJudging("an expired CA is not accepted for any client", async ({ authority, judge }) => {
  const files = await authority.issue("long", { subject: CONTROL, to: "20491231235959Z" });
  const atMs = Date.parse("2049-01-01");
  assertEquals(await judge([files], { atMs }), refused("certificate is expired"));
});

const USES: [string, string, string][] = [
  ["for servers only", "extendedKeyUsage = serverAuth\n", "certificate is not for clients"],
  ["for nothing in particular", "basicConstraints = CA:FALSE\n", "certificate is not for clients"],
  ["for any use", "extendedKeyUsage = anyExtendedKeyUsage\n", "certificate is not for clients"],
  [
    "for encryption",
    "extendedKeyUsage = clientAuth\nkeyUsage = critical,keyEncipherment\n",
    "certificate is not for signatures",
  ],
  [
    "that is a CA's",
    `extendedKeyUsage = clientAuth\nkeyUsage = critical,digitalSignature,keyCertSign\nbasicConstraints = CA:TRUE\n`,
    "certificate is a CA's",
  ],
];

for (const [what, extensions, why] of USES) {
  testJudging(`a certificate ${what} is refused`, async ({ authority, judge }) => {
    const files = await authority.issue("use", { subject: CONTROL, extensions });
    assertEquals(await judge([files]), refused(why));
  });
}

const OU = "certificate has not exactly one OU, observe or control";
const SUBJECTS: [string, string][] = [
  ["/CN=x", OU],
  ["/CN=x/OU=Control", OU],
  ["/CN=x/OU=control ", OU],
  ["/CN=x/OU=observe/OU=control", OU],
  ["/CN=x/OU=control/OU=control", OU],
  ["/CN=x\\/OU=control", OU],
  ["/CN=x+OU=admin", OU],
  ["/OU=control", "certificate has not exactly one CN"],
  ["/CN=a/CN=b/OU=control", "certificate has not exactly one CN"],
];

for (const [subject, why] of SUBJECTS) {
  testJudging(`the subject ${subject} is refused`, async ({ authority, judge }) => {
    assertEquals(await judge([await authority.issue("subject", { subject })]), refused(why));
  });
}

testJudging("a client of another CA of the same name is refused", async ({ authority, judge }) => {
  const other = await TestAuthority.create(`${authority.folder}/other`, authority.name);
  const files = await other.client("ops", "control");
  assertEquals(await judge([files]), refused("not signed by the CA"));
  const root = { certificate: other.certificate, key: "" };
  assertEquals(await judge([files, root]), refused("not signed by the CA"));
});

testJudging(
  "an intermediate CA is accepted, a client that signs is not",
  async ({ authority, judge }) => {
    const between = await authority.issue("between", {
      subject: "/CN=between",
      extensions: CA_EXTENSIONS,
    });
    const below = await authority.issue("below", { subject: CONTROL, issuer: between });
    assertEquals(await judge([below, between]), accepted);
    assertEquals(await judge([below]), refused("not signed by the CA"));
    const client = await authority.client("signs", "observe");
    const forged = await authority.issue("forged", { subject: CONTROL, issuer: client });
    assertEquals(await judge([forged, client]), refused("not signed by the CA"));
  },
);

testJudging("three intermediate CAs are accepted, four are not", async ({ authority, judge }) => {
  const between: CertificateFiles[] = [];
  for (const name of ["first", "second", "third", "fourth"]) {
    const issuer = between.at(-1);
    const terms = { subject: `/CN=${name}`, extensions: CA_EXTENSIONS, ...(issuer && { issuer }) };
    between.push(await authority.issue(name, terms));
  }
  const deep = await authority.issue("deep", { subject: CONTROL, issuer: between[2]! });
  const deeper = await authority.issue("deeper", { subject: CONTROL, issuer: between[3]! });
  assertEquals(await judge([deep, ...between.slice(0, 3).toReversed()]), accepted);
  assertEquals(await judge([deeper, ...between.toReversed()]), refused("chain is too long"));
});

testJudging(
  "a CA with an unusable key is not accepted for any client",
  async ({ authority, judge }) => {
    const strange = await authority.issue("strange", {
      subject: "/CN=strange",
      extensions: CA_EXTENSIONS,
      curve: "secp256k1",
    });
    const below = await authority.issue("below", { subject: CONTROL, issuer: strange });
    assertEquals(await judge([below, strange]), refused("not signed by the CA"));
  },
);

testJudging("a self-signed certificate is refused", async ({ authority, judge }) => {
  const alone = await authority.selfSigned("alone");
  assertEquals(await judge([alone]), refused("certificate is a CA's"));
  const client = await authority.client("signs", "control");
  const below = await authority.issue("below", { subject: "/CN=signs/OU=control", issuer: client });
  assertEquals(await judge([below]), refused("not signed by the CA"));
  assertEquals(await judge([below, below]), refused("not signed by the CA"));
});

testJudging("a CA signs no deeper than it may", async ({ authority, judge }) => {
  const extensions = CA_EXTENSIONS.replace("CA:TRUE", "CA:TRUE,pathlen:0");
  const upper = await authority.issue("upper", { subject: "/CN=upper", extensions });
  const lower = await authority.issue("lower", {
    subject: "/CN=lower",
    extensions: CA_EXTENSIONS,
    issuer: upper,
  });
  const direct = await authority.issue("direct", { subject: CONTROL, issuer: upper });
  const deep = await authority.issue("deep", { subject: CONTROL, issuer: lower });
  assertEquals(await judge([direct, upper]), accepted);
  assertEquals(await judge([deep, lower, upper]), refused("not signed by the CA"));
});

testJudging("an unknown critical extension is refused", async ({ authority, judge }) => {
  const extensions = "extendedKeyUsage = clientAuth\n1.2.3.4 = critical,ASN1:NULL\n";
  const leaf = await authority.issue("strange", { subject: CONTROL, extensions });
  const why = "certificate has a critical extension that is not understood: ";
  assertEquals(await judge([leaf]), refused(why + "1.2.3.4"));
  const constrained = await authority.issue("constrained", {
    subject: "/CN=constrained",
    extensions: CA_EXTENSIONS + "nameConstraints = critical,permitted;dirName:only\n[only]\nCN=x\n",
  });
  const below = await authority.issue("below", { subject: CONTROL, issuer: constrained });
  assertEquals(await judge([below, constrained]), refused(why + "2.5.29.30"));
});

testJudging("anything but a certificate is refused", async ({ judge, authority }) => {
  assertEquals(await judge([]), refused("certificate cannot be read"));
  const verify = await createClientVerifier({
    certificateAuthority: await Deno.readTextFile(authority.certificate),
    nowMs: Date.now,
  });
  for (
    const der of [new Uint8Array(), Uint8Array.of(0x30, 0x82, 0xff, 0xff), new Uint8Array(5000)]
  ) {
    assertEquals(await verify([der]), refused("certificate cannot be read"));
  }
});

testJudging("a revoked certificate is refused, others are not", async ({ authority, judge }) => {
  const gone = await authority.client("gone", "control");
  const ops = await authority.client("ops", "control");
  const crl = await authority.revoke(gone);
  assertEquals(await judge([gone], { crl }), refused("certificate is revoked"));
  assertEquals(await judge([ops], { crl }), accepted);
  assertEquals((await judge([gone])).kind, "accepted");
});

testJudging(
  "a revoked intermediate CA is refused with its clients, though the list does not name them",
  async ({ authority, judge }) => {
    const terms = { subject: "/CN=between", extensions: CA_EXTENSIONS };
    const between = await authority.issue("between", terms);
    const below = await authority.issue("below", { subject: CONTROL, issuer: between });
    const others = await authority.revoke(below);
    assertEquals(await judge([below, between], { crl: others }), accepted);
    const crl = await authority.revoke(between);
    assertEquals(await judge([below, between], { crl }), refused("certificate is revoked"));
  },
);

testJudging("an outdated list refuses every client", async ({ authority, judge }) => {
  const files = await authority.issue("ops", { subject: CONTROL, to: "20491231235959Z" });
  const crl = await authority.revocationList();
  const atMs = Date.now() + 3 * 86_400_000;
  assertEquals(await judge([files], { crl, atMs }), refused("revocation list is out of date"));
});

testJudging("unusable CAs and lists are reported", async ({ authority, judge }) => {
  const other = await TestAuthority.create(`${authority.folder}/other`, authority.name);
  const ops = await authority.client("ops", "control");
  for (const crl of [await other.revocationList(), ops.certificate]) {
    const error = await assertRejects(() => judge([ops], { crl }), SentinelError);
    assertEquals(error.code, "config.tls");
  }
  const mute = await authority.issue("mute", {
    subject: "/CN=mute",
    extensions: "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,cRLSign\n",
  });
  for (const path of [ops.certificate, ops.key, mute.certificate]) {
    const certificateAuthority = await Deno.readTextFile(path);
    const error = await assertRejects(
      () => createClientVerifier({ certificateAuthority, nowMs: Date.now }),
      SentinelError,
    );
    assertEquals(error.code, "config.tls");
  }
});

testJudging("a partial list is not used", async ({ authority, judge }) => {
  const ops = await authority.client("ops", "control");
  const crl = `${authority.folder}/part.pem`;
  const make = async (critical: boolean) => {
    const DELTA_CRL = "2.5.29.27";
    await Deno.writeTextFile(
      crl,
      await listWith(authority, new Extension(DELTA_CRL, critical, NUMBER_1)),
    );
  };
  await make(false);
  assertEquals(await judge([ops], { crl }), accepted);
  await make(true);
  const error = await assertRejects(() => judge([ops], { crl }), SentinelError);
  assertEquals(error.message, "revocation list cannot be used: it is only a part");
});

/** DER of an INTEGER. */
const NUMBER_1 = Uint8Array.of(2, 1, 1);

/** An empty revocation list, signed by the CA. */
async function listWith(authority: TestAuthority, extension: Extension): Promise<string> {
  const ca = new X509Certificate(await Deno.readTextFile(authority.certificate));
  const [der] = PemConverter.decode(await Deno.readTextFile(`${authority.folder}/ca.key`));
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const list = await X509CrlGenerator.create({
    issuer: ca.subjectName.toJSON(),
    thisUpdate: new Date(),
    nextUpdate: new Date(Date.now() + 86_400_000),
    extensions: [extension],
    signingAlgorithm: algorithm,
    signingKey: await crypto.subtle.importKey("pkcs8", der!, algorithm, false, ["sign"]),
  });
  return list.toString("pem");
}
