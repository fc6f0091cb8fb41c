// before the library, which needs it
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  type Extension,
  type JsonGeneralNames,
  type JsonName,
  PemConverter,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from "@peculiar/x509";
import { assertEquals, assertRejects } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { createClientHolder, createServerHolder } from "../../src/pki/holder.ts";
import { issueCertificate } from "../../src/pki/issue.ts";
import { readSigningRequest } from "../../src/pki/signing_request.ts";
import { madeAuthority, NOW_MS, randomBytes } from "../support/made_authority.ts";

const OPS = createClientHolder("ops", "observe");
const SERVER = createServerHolder("localhost", ["127.0.0.1", "::1"]);

const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", publicExponent: Uint8Array.of(1, 0, 1) };

interface Request {
  readonly name?: JsonName;
  readonly algorithm?: Algorithm;
  readonly extensions?: Extension[];
}

async function requestOf({ name = [], algorithm = P256, extensions = [] }: Request) {
  const usages: KeyUsage[] = ["sign", "verify"];
  const keys = await crypto.subtle.generateKey(algorithm, true, usages) as CryptoKeyPair;
  const generate = Pkcs10CertificateRequestGenerator.create;
  return await generate.call(Pkcs10CertificateRequestGenerator, {
    name,
    keys,
    signingAlgorithm: algorithm as EcdsaParams,
    extensions,
  });
}

async function encodeCertificate(request: Request): Promise<string> {
  return (await requestOf(request)).toString("pem");
}

async function refusal(pem: string, holder = OPS): Promise<string> {
  const error = await assertRejects(() => readSigningRequest(pem, holder), SentinelError);
  assertEquals(error.code, "config.request");
  return error.message.replace(/^request refused: /, "");
}

const hosts = (...names: JsonGeneralNames) => [new SubjectAlternativeNameExtension(names)];

const MODEST: readonly [string, Request][] = [
  ["nothing", {}],
  ["the granted CN", { name: [{ CN: ["ops"] }] }],
  ["the granted CN and OU", { name: [{ CN: ["ops"] }, { OU: ["observe"] }] }],
];

for (const [what, terms] of MODEST) {
  Deno.test(`a request that asks for ${what} is signed for its key`, async () => {
    const request = await requestOf(terms);
    const publicKey = await readSigningRequest(request.toString("pem"), OPS);
    assertEquals(publicKey.toString("hex"), request.publicKey.toString("hex"));
  });
}

Deno.test("a request for a CA, or for other parts of a name, does not get them", async () => {
  const pem = await encodeCertificate({
    name: [{ O: ["Evil"] }, { CN: ["ops"] }],
    extensions: [new BasicConstraintsExtension(true, 3, true)],
  });
  const publicKey = await readSigningRequest(pem, OPS);
  const terms = { holder: OPS, publicKey, days: 1, nowMs: NOW_MS, randomBytes };
  const certificate = await issueCertificate((await madeAuthority()).authority, terms);
  assertEquals(certificate.subject, "CN=ops, OU=observe");
  assertEquals(certificate.getExtension(BasicConstraintsExtension)!.ca, false);
});

const GREEDY: readonly [string, JsonName, string][] = [
  ["more than its role", [{ OU: ["control"] }], 'it asks for OU="control", but observe is granted'],
  ["another unit", [{ OU: ["Observe"] }], 'it asks for OU="Observe", but observe is granted'],
  ["an empty unit", [{ OU: [""] }], 'it asks for OU="", but observe is granted'],
  ["two units", [{ OU: ["observe"] }, { OU: ["control"] }], "it has OU more than once"],
  ["two in one", [{ OU: ["observe", "control"] }], "it has OU more than once"],
  ["another name", [{ CN: ["root"] }], 'it asks for CN="root", but ops is granted'],
  ["two names", [{ CN: ["ops"] }, { CN: ["ops"] }], "it has CN more than once"],
];

for (const [what, name, why] of GREEDY) {
  Deno.test(`a client's request for ${what} is refused`, async () => {
    assertEquals(await refusal(await encodeCertificate({ name })), why);
  });
}

Deno.test("a server's request for a role is refused", async () => {
  const pem = await encodeCertificate({ name: [{ CN: ["localhost"] }, { OU: ["control"] }] });
  assertEquals(await refusal(pem, SERVER), 'it asks for OU="control", but none is granted');
});

Deno.test("a server's request may have all granted names, or fewer", async () => {
  const all = hosts({ type: "dns", value: "LOCALHOST" }, { type: "ip", value: "::1" });
  const pem = await encodeCertificate({ name: [{ CN: ["localhost"] }], extensions: all });
  await readSigningRequest(pem, SERVER);
});

const NAMES: readonly [string, Extension[]][] = [
  [
    "evil.example",
    hosts({ type: "dns", value: "localhost" }, { type: "dns", value: "evil.example" }),
  ],
  ["127.0.0.2", hosts({ type: "ip", value: "127.0.0.2" })],
  // an address in the form of a name
  ["127.0.0.1", hosts({ type: "dns", value: "127.0.0.1" })],
  ["a@localhost", hosts({ type: "email", value: "a@localhost" })],
  ["https://localhost", hosts({ type: "url", value: "https://localhost" })],
];

for (const [name, extensions] of NAMES) {
  Deno.test(`a request for the name ${name} is refused if it is not granted`, async () => {
    const why = `it asks for the name "${name}", which is not granted`;
    assertEquals(await refusal(await encodeCertificate({ extensions }), SERVER), why);
    assertEquals(
      (await refusal(await encodeCertificate({ extensions }))).startsWith("it asks for"),
      true,
    );
  });
}

const STRONG: readonly [string, Algorithm][] = [
  ["P-384", { ...P256, namedCurve: "P-384", hash: "SHA-384" } as Algorithm],
  ["Ed25519", { name: "Ed25519" }],
  ["RSA of 2048 bits", { ...RSA, modulusLength: 2048 } as Algorithm],
];

for (const [what, algorithm] of STRONG) {
  Deno.test(`a request with a key of ${what} is accepted`, async () => {
    await readSigningRequest(await encodeCertificate({ algorithm }), OPS);
  });
}

Deno.test("a request with an RSA key of 1024 bits is refused", async () => {
  const algorithm = { ...RSA, modulusLength: 1024 } as Algorithm;
  const why = "its key is not P-256, P-384, Ed25519 or RSA of 2048 bits";
  assertEquals(await refusal(await encodeCertificate({ algorithm })), why);
});

Deno.test("a request with another key's signature, or an altered one, is refused", async () => {
  const why = "its signature is not its key's";
  const request = await requestOf({ name: [{ CN: ["ops"] }] });
  const bytes = new Uint8Array(request.rawData);
  const signature = bytes.slice();
  signature[signature.length - 1]! ^= 1;
  const name = bytes.slice();
  name[name.findIndex((byte, i) => byte === 0x6f && name[i + 1] === 0x70)] = 0x4f;
  for (const changed of [signature, name]) {
    const pem = PemConverter.encode(changed.buffer, "CERTIFICATE REQUEST");
    assertEquals(await refusal(pem), why);
  }
});

Deno.test("anything but a request is refused", async () => {
  const none = "request cannot be read: it is none (PEM, PKCS#10)";
  const pem = await encodeCertificate({});
  const { certificatePem, keyPem } = await madeAuthority();
  for (const text of ["", "x", certificatePem, keyPem, pem + pem, pem.replace(/\n.{20}/, "\n")]) {
    assertEquals(await refusal(text), none);
  }
});
