// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker records what the license server answered while the license was good, and plays it again once it is revoked.
 * Each answer repeats its request's random number, under the organization's signature; no other request's will do.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { AttackHarness, honestly } from "../support/attack_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { answerPayload, signedAnswer } from "../support/license_server.ts";
import { testWith } from "../support/requirements.ts";

/** A run whose answers are recorded, then one to which they are played. */
async function replay(doubles?: Doubles) {
  await using harness = await AttackHarness.open();
  const recorded = new Map<string, string>();
  harness.answer = async (request, organization) => {
    const answer = await honestly(request, organization);
    recorded.set(request.path, await answer.clone().text());
    return answer;
  };
  assertEquals((await harness.run({ doubles })).code, 0);
  assertEquals(recorded.size, 2, "activation and heartbeat");
  harness.answer = ({ path }) => new Response(recorded.get(path));
  return await harness.run({ args: ["--log-level", "debug"], doubles });
}

Deno.test("a replayed answer counts as none", async () => {
  const { stderr } = await replay();
  assertStringIncludes(stderr, "unverified answer: it answers another request");
  assertStringIncludes(stderr, "operating under grace period");
});

testWith(
  [],
  "if answers are not compared with requests, it stops charging: the attack",
  async () => {
    const { code, stderr } = await replay({ "src/activation/answer.ts": "any_request.ts" });
    assertEquals(code, 0);
    assert(!/unverified|grace/.test(stderr), stderr);
  },
);

Deno.test("a revocation counts although valid answers were recorded before", async () => {
  await using harness = await AttackHarness.open();
  assertEquals((await harness.run()).code, 0);
  harness.answer = (request, organization) =>
    signedAnswer(organization, answerPayload(request, { status: "REVOKED" }));
  const { code, stderr } = await harness.run();
  assertEquals(code, 81);
  assertStringIncludes(stderr, "license has been revoked");
});
