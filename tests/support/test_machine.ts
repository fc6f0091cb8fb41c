import { type RequestStamp, signRequest } from "../../src/activation/signed_request.ts";
import { exportPublicKeyPem, makeSigner, type Sign } from "../../src/signing/ecdsa.ts";

/** A customer's machine with its key. */
export interface TestMachine {
  readonly id: string;
  readonly publicKeyPem: string;
  readonly sign: Sign;
}

/** What goes over the wire. */
export interface WireRequest {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array<ArrayBuffer>;
}

export async function makeMachine(id: string = crypto.randomUUID()): Promise<TestMachine> {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  return {
    id,
    publicKeyPem: await exportPublicKeyPem(pair.publicKey),
    sign: makeSigner(pair.privateKey),
  };
}

/** The fields of each of the three requests, in order. */
export function activateBody(machine: TestMachine, licenseKey: string): Record<string, unknown> {
  return {
    license_key: licenseKey,
    machine_id: machine.id,
    machine_public_key_pem: machine.publicKeyPem,
    platform: "LINUX_AMD64",
    software_version: "1.0",
  };
}

export function heartbeatBody(machine: TestMachine, licenseKey: string): Record<string, unknown> {
  return { license_key: licenseKey, machine_id: machine.id, software_version: "1.0" };
}

export function acknowledgeBody(machine: TestMachine, licenseKey: string): Record<string, unknown> {
  return { license_key: licenseKey, machine_id: machine.id };
}

/** A request signed by the machine; a `body` that is text goes out as it is, `stamp` replaces what is signed. */
export async function signedBy(
  machine: TestMachine,
  path: string,
  { body, stamp = {} }: { body: unknown; stamp?: Partial<RequestStamp> },
): Promise<WireRequest> {
  const bytes = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
  const headers = await signRequest(path, {
    machineId: machine.id,
    timestamp: String(Math.floor(Date.now() / 1000)),
    nonce: crypto.randomUUID(),
    ...stamp,
  }, { body: bytes, sign: machine.sign });
  return { path, headers, body: bytes };
}
