import { assert, assertEquals } from "@std/assert";
import type { Verify } from "../../src/signing/ecdsa.ts";
import { isEnvelopeGenuine, readPayload } from "../../src/signing/envelope.ts";

/** A license server's answer whose signature was the organization's. */
export interface WireAnswer {
  readonly status: number;
  /** The unsigned sentence of a refusal. */
  readonly error: string | undefined;
  readonly payload: Record<string, unknown>;
}

/** Reads an answer; fails the test where it is not signed by the organization or holds what it should not. */
export async function readAnswer(response: Response, verify: Verify): Promise<WireAnswer> {
  const body = await response.json();
  const names = response.status === 200 ? ["payload", "sig"] : ["error", "payload", "sig"];
  assertEquals(Object.keys(body).sort(), names);
  assert(await isEnvelopeGenuine(body, verify), "the answer is not signed by the organization");
  const payload = JSON.parse(readPayload(body)!);
  return { status: response.status, error: body.error, payload };
}
