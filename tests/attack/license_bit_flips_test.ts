// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker has a license and an editor. He changes a bit of it, any bit, or writes a later date into its payload. The
 * organization's signature covers the payload as it stands in the file, and nothing is looked at before it was checked.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodeBase64Url } from "../../src/signing/envelope.ts";
import { AttackHarness } from "../support/attack_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { standardPayload } from "../support/organization.ts";
import { testWith } from "../support/requirements.ts";

const TRUSTING: Doubles = { "src/signing/ecdsa.ts": "trusting_ecdsa.ts" };

/** Of how many flipped bytes, and which of them passed. */
async function flipEach(doubles?: Doubles): Promise<{ bytes: number; accepted: number[] }> {
  await using harness = await AttackHarness.open();
  const args = [harness.at("a.lic"), harness.at("org.pem")];
  const { stdout } = await harness.sentinel(args, { doubles, fixture: "verify_flipped.ts" });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
}

Deno.test("no byte of a license can be changed", async () => {
  const { bytes, accepted } = await flipEach();
  assert(bytes > 500);
  assertEquals(accepted, []);
});

testWith([], "if every signature is accepted, many can: the attack", async () => {
  const { accepted } = await flipEach(TRUSTING);
  assert(accepted.length > 20, `${accepted}`);
});

Deno.test("an edited license starts nothing, unless every signature is accepted", async () => {
  await using harness = await AttackHarness.open({ expiry_date: "2020-12-31" });
  const file = JSON.parse(await Deno.readTextFile(harness.at("a.lic")));
  const edited = standardPayload({ server_url: harness.serverUrl, expiry_date: "2998-12-31" });
  const payload = encodeBase64Url(JSON.stringify(edited));
  await Deno.writeTextFile(harness.at("a.lic"), JSON.stringify({ ...file, payload }));
  const { code, stdout, stderr } = await harness.run();
  assertEquals([code, stdout], [80, ""]);
  assertStringIncludes(stderr, "license signature verification failed");
  assertEquals((await harness.run({ doubles: TRUSTING })).stdout, "up\n", "the attack");
});
