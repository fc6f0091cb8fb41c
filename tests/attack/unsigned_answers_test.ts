// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker stands in for the license server (`--server-url`, DNS, a proxy) and answers as he likes, without the
 * organization's key: ACTIVE to run without a license server for ever, errors and refusals to keep the meter from running.
 * Only what the organization signed is the server's word; anything else is as good as silence, and costs grace.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type AnswerAs, AttackHarness, honestly } from "../support/attack_harness.ts";
import { answerPayload, signedAnswer } from "../support/license_server.ts";
import { makeOrganization } from "../support/organization.ts";
import { testWith } from "../support/requirements.ts";

const attacker = await makeOrganization();

const selfSigned: AnswerAs = (request) => signedAnswer(attacker, answerPayload(request));

const ANSWERS: Record<string, AnswerAs> = {
  "ACTIVE, signed by himself": selfSigned,
  "ACTIVE without a signature": (request) => Response.json(answerPayload(request)),
  "an error": () => Response.json({ error: "oops" }, { status: 500 }),
  "a refusal": () => Response.json({ error: "no such machine" }, { status: 403 }),
};

Deno.test("no forged answer activates a machine, or stops charging later", async () => {
  await using harness = await AttackHarness.open();
  for (const [what, answer] of Object.entries(ANSWERS)) {
    harness.answer = answer;
    const { code, stdout } = await harness.run();
    assertEquals([code, stdout], [what === "a refusal" ? 81 : 82, ""], what);
  }
  harness.answer = honestly;
  assertEquals((await harness.run()).code, 0);
  for (const [what, answer] of Object.entries(ANSWERS)) {
    harness.answer = answer;
    const { code, stdout, stderr } = await harness.run();
    assertEquals([code, stdout], [0, "up\n"], what);
    assertStringIncludes(stderr, "operating under grace period (");
  }
});

testWith(
  [],
  "if every signature is accepted, a forged answer activates and stops charging: the attack",
  async () => {
    await using harness = await AttackHarness.open();
    harness.answer = selfSigned;
    const doubles = { "src/signing/ecdsa.ts": "trusting_ecdsa.ts" };
    for (let i = 0; i < 2; i++) {
      const { code, stdout, stderr } = await harness.run({ doubles });
      assertEquals([code, stdout], [0, "up\n"]);
      assert(!stderr.includes("grace"), stderr);
    }
  },
);
