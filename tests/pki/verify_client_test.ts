import { assertEquals, assertRejects } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { type ClientVerdict, clientVerifier } from "../../src/pki/verify_client.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { type CertificateFiles, TestAuthority } from "../support/test_authority.ts";

const OPENSSL = [needsProgram("openssl")];
const CONTROL = "/CN=ops/OU=control";
const CA_EXTENSIONS = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n";

interface Judging {
  readonly authority: TestAuthority;
  /** What is decided about a chain, now or at another time. */
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
        const verify = await clientVerifier({
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

testJudging("a CA that is expired vouches for nobody", async ({ authority, judge }) => {
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
  "a CA between is followed, a client that signs is not",
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

testJudging("what is no certificate is refused", async ({ judge, authority }) => {
  assertEquals(await judge([]), refused("certificate cannot be read"));
  const verify = await clientVerifier({
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

testJudging("a list that is out of date refuses everybody", async ({ authority, judge }) => {
  const files = await authority.issue("ops", { subject: CONTROL, to: "20491231235959Z" });
  const crl = await authority.revocationList();
  const atMs = Date.now() + 3 * 86_400_000;
  assertEquals(await judge([files], { crl, atMs }), refused("revocation list is out of date"));
});

testJudging("CAs and lists that cannot be used are said so", async ({ authority, judge }) => {
  const other = await TestAuthority.create(`${authority.folder}/other`);
  const ops = await authority.client("ops", "control");
  for (const crl of [await other.revocationList(), ops.certificate]) {
    const error = await assertRejects(() => judge([ops], { crl }), SentinelError);
    assertEquals(error.code, "config.tls");
  }
  for (const path of [ops.certificate, ops.key]) {
    const certificateAuthority = await Deno.readTextFile(path);
    const error = await assertRejects(
      () => clientVerifier({ certificateAuthority, nowMs: Date.now }),
      SentinelError,
    );
    assertEquals(error.code, "config.tls");
  }
});
