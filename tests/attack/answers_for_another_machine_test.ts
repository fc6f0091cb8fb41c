// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker has a machine above the limit. It asks through another, an active one, which puts the same random number into a
 * request of its own and passes the organization's answer on. Each answer names machine and license, under the signature.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type AnswerAs, AttackHarness } from "../support/attack_harness.ts";
import type { Json } from "../../src/signing/canonical_json.ts";
import { answerPayload, signedAnswer } from "../support/license_server.ts";
import { testWith } from "../support/requirements.ts";

const OTHERS: Record<string, Record<string, Json>> = {
  machine: { machine_id: "3f0e7b3a-6f57-4c0e-9d43-3d2c8f0a4b11" },
  license: { license_key: "ACME-0002" },
};

const answerFor = (whose: Record<string, Json>): AnswerAs => (request, organization) =>
  signedAnswer(organization, answerPayload(request, whose));

for (const [what, whose] of Object.entries(OTHERS)) {
  Deno.test(`the organization's answer for another ${what} activates nothing`, async () => {
    await using harness = await AttackHarness.open();
    harness.answer = answerFor(whose);
    const { code, stdout, stderr } = await harness.run();
    assertEquals([code, stdout], [82, ""]);
    assertStringIncludes(stderr, `unverified answer: it is for another ${what}`);
  });

  testWith([], `without that check, an answer for another ${what} does: the attack`, async () => {
    await using harness = await AttackHarness.open();
    harness.answer = answerFor(whose);
    const doubles = { "src/activation/answer.ts": "any_machine.ts" };
    const { code, stdout, stderr } = await harness.run({ doubles });
    assertEquals([code, stdout], [0, "up\n"], stderr);
  });
}
