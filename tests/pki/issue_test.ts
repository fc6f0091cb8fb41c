// before the library, which needs it
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
} from "@peculiar/x509";
import { assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { createName, signCertificate } from "../../src/pki/certificate.ts";
import { createClientHolder, createServerHolder } from "../../src/pki/holder.ts";
import { issueCertificate } from "../../src/pki/issue.ts";
import { makeKey } from "../../src/pki/certificate.ts";
import { openAuthority } from "../../src/pki/signing_authority.ts";
import { createClientVerifier } from "../../src/pki/verify_client.ts";
import { DAY_MS, issued, madeAuthority, NOW_MS, randomBytes } from "../support/made_authority.ts";

const OPS = createClientHolder("ops", "control");
const SERVER = createServerHolder("localhost", ["127.0.0.1", "::1"]);

/** What a certificate allows, by the names of RFC 5280. */
function allowed(certificate: X509Certificate): unknown {
  const constraints = certificate.getExtension(BasicConstraintsExtension)!;
  const usage = certificate.getExtension(KeyUsagesExtension)!;
  const extended = certificate.getExtension(ExtendedKeyUsageExtension)?.usages;
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items;
  return {
    ca: constraints.ca,
    pathLength: constraints.pathLength,
    usages: usage.usages,
    critical: [constraints.critical, usage.critical],
    // the library's own kind of array is not equal to a plain one
    extended: extended && Array.from(extended, String),
    names: names?.map(({ type, value }) => `${type}:${value}`),
  };
}

const BOTH_CRITICAL = [true, true];
const DIGITAL_SIGNATURE = 1, KEY_CERT_SIGN = 32, CRL_SIGN = 64;

Deno.test("a CA may sign certificates and lists, but no other CA", async () => {
  const { authority: { certificate } } = await madeAuthority();
  assertEquals(allowed(certificate), {
    ca: true,
    pathLength: 0,
    usages: KEY_CERT_SIGN | CRL_SIGN,
    critical: BOTH_CRITICAL,
    extended: undefined,
    names: undefined,
  });
});

Deno.test("a client's certificate is only for a client", async () => {
  const certificate = await issued(await madeAuthority(), { holder: OPS });
  assertEquals(certificate.subject, "CN=ops, OU=control");
  assertEquals(allowed(certificate), {
    ca: false,
    pathLength: undefined,
    usages: DIGITAL_SIGNATURE,
    critical: BOTH_CRITICAL,
    extended: ["1.3.6.1.5.5.7.3.2"],
    names: undefined,
  });
});

Deno.test("a server's certificate is only for a server, and has its names", async () => {
  const certificate = await issued(await madeAuthority(), { holder: SERVER });
  assertEquals(certificate.subject, "CN=localhost");
  assertEquals(allowed(certificate), {
    ca: false,
    pathLength: undefined,
    usages: DIGITAL_SIGNATURE,
    critical: BOTH_CRITICAL,
    extended: ["1.3.6.1.5.5.7.3.1"],
    names: ["dns:localhost", "ip:127.0.0.1", "ip:::1"],
  });
});

Deno.test("our own check accepts the client while it is valid, and never the server", async () => {
  const made = await madeAuthority();
  const client = await issued(made, { holder: OPS, days: 2 });
  const server = await issued(made, { holder: SERVER });
  const judgeAt = async (certificate: X509Certificate, nowMs: number) => {
    const options = { certificateAuthority: made.certificatePem, nowMs: () => nowMs };
    return await (await createClientVerifier(options))([new Uint8Array(certificate.rawData)]);
  };
  const accepted = { kind: "accepted", cn: "ops", role: "control" } as const;
  assertEquals(await judgeAt(client, NOW_MS), accepted);
  // a clock that is slightly behind
  assertEquals(await judgeAt(client, NOW_MS - 4 * 60_000), accepted);
  assertEquals((await judgeAt(client, NOW_MS - 6 * 60_000)).kind, "refused");
  assertEquals((await judgeAt(client, NOW_MS + 2 * DAY_MS + 1000)).kind, "refused");
  assertEquals((await judgeAt(server, NOW_MS)).kind, "refused");
});

Deno.test("certificates of a CA below ours are refused", async () => {
  const { authority: { signer }, certificatePem } = await madeAuthority();
  const { publicKey, privateKey } = await makeKey();
  const name = createName({ commonName: "below" });
  const certificate = await signCertificate({
    subject: name,
    publicKey,
    randomBytes,
    notBefore: new Date(NOW_MS),
    notAfter: new Date(NOW_MS + DAY_MS),
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  }, signer);
  const below = { certificate, signer: { name, publicKey, privateKey } };
  const terms = { holder: OPS, publicKey, days: undefined, nowMs: NOW_MS, randomBytes };
  const client = await issueCertificate(below, terms);
  const verify = await createClientVerifier({
    certificateAuthority: certificatePem,
    nowMs: () => NOW_MS + 1000,
  });
  const chain = [client, certificate].map(({ rawData }) => new Uint8Array(rawData));
  assertEquals(await verify(chain), { kind: "refused", why: "not signed by the CA" });
});

for (const name of ["#41", "a,OU=control", "a+OU=control", 'quote"d', "back\\slash", "日本"]) {
  Deno.test(`a client named ${name} has exactly that name`, async () => {
    const holder = createClientHolder(name, "observe");
    const { subjectName } = await issued(await madeAuthority({ name }), { holder });
    assertEquals(subjectName.getField("CN"), [name]);
    assertEquals(subjectName.getField("OU"), ["observe"]);
  });
}

Deno.test("times are whole seconds, and 90 days by default", async () => {
  const { notBefore, notAfter } = await issued(await madeAuthority(), { holder: OPS });
  assertEquals(notBefore.toISOString(), "2030-06-01T11:55:00.000Z");
  assertEquals(notAfter.toISOString(), "2030-08-30T12:00:00.000Z");
});

Deno.test("a certificate expires with its CA at the latest, and a longer request is refused", async () => {
  const made = await madeAuthority({ days: 10 });
  const end = made.authority.certificate.notAfter;
  assertEquals((await issued(made, { holder: OPS })).notAfter, end);
  assertEquals((await issued(made, { holder: OPS, days: 10 })).notAfter, end);
  const error = await assertRejects(() => issued(made, { holder: OPS, days: 11 }), SentinelError);
  assertEquals(
    [error.code, error.message],
    ["usage.days", "a certificate cannot outlive its CA, which ends on 2030-06-11 UTC"],
  );
});

Deno.test("serial numbers have 128 bits and differ, keys too", async () => {
  const made = await madeAuthority();
  const one = await issued(made, { holder: OPS }), other = await issued(made, { holder: OPS });
  assertNotEquals(one.serialNumber, other.serialNumber);
  assertMatch(one.serialNumber, /^[0-9a-f]{28,34}$/);
  assertNotEquals(one.publicKey.toString("hex"), other.publicKey.toString("hex"));
});

Deno.test("certificates name their keys and the CA's", async () => {
  const made = await madeAuthority();
  const certificate = await issued(made, { holder: OPS });
  const ca = made.authority.certificate;
  const caKeyId = ca.getExtension(SubjectKeyIdentifierExtension)!.keyId;
  assertEquals(ca.getExtension(AuthorityKeyIdentifierExtension)!.keyId, caKeyId);
  assertEquals(certificate.getExtension(AuthorityKeyIdentifierExtension)!.keyId, caKeyId);
  const own = certificate.getExtension(SubjectKeyIdentifierExtension)!.keyId;
  assertEquals(own, new Uint8Array(await certificate.publicKey.getKeyIdentifier()).toHex());
  assertNotEquals(own, caKeyId);
});

const faultOf = async (terms: Parameters<typeof openAuthority>[0]): Promise<string> => {
  const error = await assertRejects(() => openAuthority(terms), SentinelError);
  assertEquals(error.code, "config.tls");
  return error.message;
};

Deno.test("a CA signs only while it is valid, with its own key, and if the file has one CA", async () => {
  const { certificatePem, keyPem } = await madeAuthority({ days: 10 });
  const other = await madeAuthority();
  const nowMs = NOW_MS;
  const NO_KEY = "CA cannot be used: its key is not a P-256 private key (PEM, PKCS#8)";
  assertEquals(
    await faultOf({ certificatePem, keyPem, nowMs: NOW_MS - DAY_MS }),
    "CA cannot be used: it is not valid yet",
  );
  assertEquals(
    await faultOf({ certificatePem, keyPem, nowMs: NOW_MS + 11 * DAY_MS }),
    "CA cannot be used: it is expired",
  );
  assertEquals(
    await faultOf({ certificatePem, keyPem: other.keyPem, nowMs }),
    "CA cannot be used: certificate and key do not match",
  );
  assertEquals(await faultOf({ certificatePem, keyPem: certificatePem, nowMs }), NO_KEY);
  assertEquals(await faultOf({ certificatePem, keyPem: "", nowMs }), NO_KEY);
  assertEquals(
    await faultOf({ certificatePem: certificatePem + other.certificatePem, keyPem, nowMs }),
    "CA cannot be used: the file has several certificates",
  );
  assertEquals(
    await faultOf({ certificatePem: "", keyPem, nowMs }),
    "CA cannot be used: the file has no certificate",
  );
});

Deno.test("a client's certificate and key cannot be used as a CA", async () => {
  const made = await madeAuthority();
  const client = await issued(made, { holder: OPS });
  const terms = { certificatePem: client.toString("pem"), keyPem: made.keyPem, nowMs: NOW_MS };
  assertEquals(await faultOf(terms), "CA cannot be used: no CA: CN=ops, OU=control");
});
