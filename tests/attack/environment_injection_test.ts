// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker sets variables before Sentinel starts: to load his code into it, to have it believe his own key, or to send the
 * software to a socket of his. Variables that load code are findings; a build with a key inside takes no other; the software
 * is told where the socket really is.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import { makeOrganization, standardPayload } from "../support/organization.ts";
import { COMPILED, resultOf } from "../support/program.ts";
import { POSIX, testWith } from "../support/requirements.ts";

/** A library of the system that changes nothing where it is loaded. */
const HARMLESS_LIBRARY = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64"]
  .map((folder) => `${folder}/libm.so.6`)
  .find((path) => hasFile(path));

function hasFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const PRELOAD = { need: "a library of the system to load", met: HARMLESS_LIBRARY !== undefined };
const FROM_SOURCE = { need: "the program from source", met: !COMPILED };

const STOP = '[security]\nanti_tamper = "stop"\n';

/** Each variable loads code before the program begins. */
const LOADING: [typeof PRELOAD, string, (harness: AttackHarness) => string][] = [
  [PRELOAD, "LD_PRELOAD", () => HARMLESS_LIBRARY!],
  [FROM_SOURCE, "NODE_OPTIONS", (harness) => `--require ${harness.at("evil.cjs")}`],
];

for (const [requirement, name, valueOf] of LOADING) {
  testWith([POSIX, requirement], `code that ${name} loads stops the software at once`, async () => {
    await using harness = await AttackHarness.open();
    await harness.script("software", "echo up; exec sleep 1000");
    await Deno.writeTextFile(harness.at("evil.cjs"), "");
    const env = { [name]: valueOf(harness) };
    const { code, stderr } = await harness.run({ config: STOP, env });
    assertEquals(code, 137, stderr);
    const found = "foreign code is loaded into sentinel";
    assertStringIncludes(stderr, `WARNING: ${found}: ${name}=${env[name]} `);
    assert(stderr.endsWith(`sentinel: error: ${found}\n`), stderr);
  });

  testWith(
    [POSIX, requirement],
    `without the check, code of ${name} keeps running: the attack`,
    async () => {
      await using harness = await AttackHarness.open();
      await Deno.writeTextFile(harness.at("evil.cjs"), "");
      const doubles = { "src/platform/unix/preload_variables.ts": "blind_to_preloads.ts" };
      const env = { [name]: valueOf(harness) };
      const { code, stdout, stderr } = await harness.run({ config: STOP, env, doubles });
      assertEquals([code, stdout], [0, "up\n"], stderr);
      assert(!stderr.includes("foreign code"), stderr);
    },
  );
}

testWith(
  [FROM_SOURCE],
  "options of NODE_OPTIONS that load nothing are ignored",
  async () => {
    await using harness = await AttackHarness.open();
    const env = { NODE_OPTIONS: "--max-old-space-size=4096" };
    const { code, stderr } = await harness.run({ config: STOP, env });
    assertEquals(code, 0, stderr);
  },
);

testWith([], "a key from a variable counts only if none is built in: the attack", async () => {
  await using harness = await AttackHarness.open();
  const attacker = await makeOrganization();
  await Deno.writeTextFile(harness.at("evil.pem"), attacker.publicKeyPem);
  await Deno.writeTextFile(harness.at("evil.lic"), await attacker.license(standardPayload()));
  const env = { SENTINEL_ORG_KEY: harness.at("evil.pem"), EMBEDDED_KEY: harness.at("org.pem") };
  const verify = (fixture?: string) =>
    harness.sentinel(["license", "verify", harness.at("evil.lic")], {
      env,
      ...fixture && { fixture },
    });
  const { code, stderr } = await verify("with_embedded_key.ts");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "this sentinel has its organization's key built in");
  assertEquals((await verify()).code, 0);
});

testWith(
  [POSIX],
  "the software gets our socket's path, whatever the variable was before",
  async () => {
    await using harness = await AttackHarness.open();
    await harness.script("software", "echo $SENTINEL_IPC_SOCKET");
    const env = { SENTINEL_IPC_SOCKET: harness.at("evil.sock") };
    const { stdout } = await harness.run({ env });
    assert(stdout.startsWith(harness.at("runtime/sentinel/sentinel-")), stdout);
    const alone = await resultOf(harness.at("software"), { env });
    assertEquals(alone.stdout.trim(), harness.at("evil.sock"), "the attack");
  },
);
