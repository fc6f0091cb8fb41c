import { assertEquals } from "@std/assert";
import { LicenseProof } from "../../src/agent/license_proof.ts";
import type { Confirmation } from "../../src/enforcement/lease.ts";
import { FakeClock } from "../support/fake_clock.ts";

const NONCE = "0b7a5a1e-3c8e-4d5a-9f37-5a3f5d1c2b10";
const FILE = { alg: "ES256", payload: "P", sig: "S" };
const ANSWER = { payload: "A", sig: "T" };
const forever = new AbortController().signal;

/** A license whose server answers like this; without a server if that is undefined. */
function license(confirmation: Confirmation | undefined) {
  const nonces: string[] = [];
  const clock = new FakeClock();
  const confirm = confirmation && ((nonce: string) => {
    nonces.push(nonce);
    return Promise.resolve(confirmation);
  });
  const current = { machineId: "M", confirm };
  const proof = new LicenseProof({ current, envelope: () => FILE, clock });
  const ask = (nonce: string | undefined) => proof.prove({ proof: false, nonce }, forever);
  return { proof, ask, clock, nonces };
}

const SIGNED: Confirmation = { kind: "signed", answer: ANSWER };

Deno.test("the proof is the license file and the machine's id, without a word to the server", async () => {
  const { proof, nonces } = license(SIGNED);
  assertEquals(await proof.prove({ proof: true, nonce: undefined }, forever), {
    envelope: FILE,
    machine_id: "M",
  });
  assertEquals(nonces, []);
});

Deno.test("a nonce gets the server's answer, with the license file if that is wanted as well", async () => {
  const { proof, nonces } = license(SIGNED);
  assertEquals(await proof.prove({ proof: true, nonce: NONCE }, forever), {
    envelope: FILE,
    machine_id: "M",
    answer: ANSWER,
  });
  assertEquals(nonces, [NONCE]);
});

for (const reason of ["grace", "unreachable"] as const) {
  Deno.test(`there is no answer, and the reason is: ${reason}`, async () => {
    const { ask } = license({ kind: "none", reason });
    assertEquals(await ask(NONCE), { machine_id: "M", answer: null, reason });
  });
}

Deno.test("a license without a server never has an answer, however often it is asked for", async () => {
  const { ask } = license(undefined);
  const none = { machine_id: "M", answer: null, reason: "offline license" };
  assertEquals([await ask(NONCE), await ask(NONCE)], [none, none]);
});

Deno.test("the server is asked at most once in ten seconds", async () => {
  const { ask, clock, nonces } = license(SIGNED);
  const early = { machine_id: "M", answer: null, reason: "too_soon" };
  const signed = { machine_id: "M", answer: ANSWER };
  const [first, second] = await Promise.all([ask(NONCE), ask(NONCE)]);
  assertEquals([first, second], [signed, early]);
  await clock.advance(9_999);
  assertEquals(await ask(NONCE), early);
  await clock.advance(1);
  assertEquals(await ask(NONCE), signed);
  assertEquals(nonces.length, 2);
});
