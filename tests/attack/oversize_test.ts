// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker sends more than anybody needs, to fill the memory or to keep Sentinel busy: over the socket, in a license file,
 * as the license server. Each has a limit, which is looked at before anything is kept or parsed.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { AttackHarness, honestly } from "../support/attack_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { connectPeer } from "../support/socket_peer.ts";

const MIB = 2 ** 20;

/** What a run answers to a request with so many bytes of padding. */
async function askAtLength(bytes: number, doubles?: Doubles): Promise<string | undefined> {
  await using harness = await AttackHarness.open();
  await harness.script("software", "echo up; exec sleep 1000");
  const path = harness.at("runtime/s.sock");
  await using run = harness.start({ config: `[ipc]\npath = "${path}"\n`, doubles });
  await run.stdout.match(/up/);
  using peer = await connectPeer(path);
  const request = `{"method":"health","params":{"x":"${"x".repeat(bytes)}"}}\n`;
  await peer.send(request).catch(() => {});
  return await peer.line();
}

testWith([POSIX], "a request of 4 MiB is refused before its end", async () => {
  const answer = '{"status":"error","error":"request exceeds 65536 bytes"}';
  assertEquals(await askAtLength(4 * MIB), answer);
});

testWith(
  [POSIX],
  "if requests have no limit, all of it is stored and parsed: the attack",
  async () => {
    const doubles = {
      "src/ipc/limits.ts": [
        ["MAX_LINE_BYTES = 65_536", "MAX_LINE_BYTES = Infinity"],
        ["MAX_PAYLOAD_BYTES = 10 * 1024 * 1024", "MAX_PAYLOAD_BYTES = Infinity"],
      ],
    } as const;
    assertEquals(await askAtLength(4 * MIB, doubles), '{"status":"ok"}');
  },
);

testWith([], "a license of 2 MiB is refused, and read without the limit: the attack", async () => {
  await using harness = await AttackHarness.open();
  await Deno.writeTextFile(harness.at("a.lic"), " ".repeat(2 * MIB), { append: true });
  const { code, stdout, stderr } = await harness.run();
  assertEquals([code, stdout], [80, ""]);
  assertStringIncludes(stderr, "license file is larger than 1 MiB");
  const doubles = {
    "src/license/license_file.ts": [[
      "MAX_LICENSE_BYTES = 1024 * 1024",
      "MAX_LICENSE_BYTES = 1024 ** 3",
    ]],
  } as const;
  assertEquals((await harness.run({ doubles })).stdout, "up\n");
});

testWith(
  [],
  "an answer of 2 MiB is discarded, and accepted without the limit: the attack",
  async () => {
    await using harness = await AttackHarness.open();
    harness.answer = async (request, organization) => {
      const answer = await honestly(request, organization);
      return new Response(await answer.text() + " ".repeat(2 * MIB));
    };
    const { code, stdout, stderr } = await harness.run();
    assertEquals([code, stdout], [82, ""]);
    assertStringIncludes(stderr, "unverified answer");
    const doubles = {
      "src/activation/messages.ts": [["MAX_BODY_BYTES = 1024 * 1024", "MAX_BODY_BYTES = Infinity"]],
    } as const;
    assertEquals((await harness.run({ doubles })).stdout, "up\n");
  },
);
