import { assert, assertEquals } from "@std/assert";
import { openSecretService } from "../../../src/platform/linux/secret_service.ts";
import type { CredentialStore } from "../../../src/platform/secret_tool.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/temporary_folder.ts";
import { needsProgram, POSIX, testWith } from "../../support/requirements.ts";
import { runTool } from "../../support/run_tool.ts";

/** A `secret-tool` of `sh`, and the service that is asked through it. */
async function fake(
  folder: TemporaryFolder,
  script: string,
  timeout = (_ms: number) => new AbortController().signal,
): Promise<CredentialStore> {
  await Deno.writeTextFile(folder.at("secret-tool"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const variables: Record<string, string> = {
    PATH: `${folder.path}:${Deno.env.get("PATH")}`,
    LD_AUDIT: "/nowhere",
  };
  return openSecretService({ env: (name) => variables[name], timeout });
}

testWith(
  [POSIX],
  "a secret passes through standard input, never through the arguments, and comes back",
  async () => {
    await using folder = await temporaryFolder();
    const at = folder.at;
    const store = await fake(
      folder,
      `case $1 in store) echo "$@" >> ${at("args")}; env > ${at("env")}; cat > ${at("kept")};;
     search) echo "$@" >> ${at("args")}; printf '[/1]\\nlabel = x\\nsecret = %s\\n' "$(cat ${
        at("kept")
      })";; esac`,
    );
    assertEquals(await store.keep("id-1", "c0ffee"), undefined);
    assertEquals(await store.find("id-1"), { kind: "found", secret: "c0ffee" });
    assertEquals(
      await Deno.readTextFile(at("args")),
      "store --label=Sentinel: key of this machine application sentinel-drm keystore id-1\n" +
        "search application sentinel-drm keystore id-1\n",
    );
    assert(!/c0ffee|LD_AUDIT/.test(await Deno.readTextFile(at("env"))));
  },
);

const ANSWERS: [string, string, unknown][] = [
  ["nothing", "exit 0", { kind: "absent" }],
  ["an item without its secret", "printf '[/1]\\nlabel = x\\n'", {
    kind: "closed",
    why: "the keyring is locked",
  }],
  ["garbage", "printf '\\377\\000<html>'", { kind: "closed", why: "the answer is malformed" }],
  ["far too much", "yes x | head -c 3000000", {
    kind: "closed",
    why: "the answer is malformed",
  }],
  ["a denial", "echo 'secret-tool: Access denied' >&2; echo more >&2; exit 1", {
    kind: "closed",
    why: "Access denied",
  }],
  ["a wordless failure", "kill -KILL $$", { kind: "closed", why: "it failed without a message" }],
];

for (const [what, script, expected] of ANSWERS) {
  testWith(
    [POSIX],
    `a service that answers with ${what} is ${JSON.stringify(expected)}`,
    async () => {
      await using folder = await temporaryFolder();
      assertEquals<unknown>(await (await fake(folder, script)).find("id"), expected);
    },
  );
}

testWith(
  [POSIX, needsProgram("mkfifo")],
  "a service that never answers times out, even if its child keeps the streams open",
  async () => {
    await using folder = await temporaryFolder();
    await runTool("mkfifo", folder.at("asked"));
    const limit = new AbortController();
    const script = `sleep 1000 & echo $! > ${folder.at("asked")}; wait`;
    const store = await fake(folder, script, () => limit.signal);
    const found = store.find("id");
    const pid = Number(await Deno.readTextFile(folder.at("asked")));
    using stack = new DisposableStack();
    stack.defer(() => Deno.kill(pid, "SIGKILL"));
    limit.abort();
    assertEquals(await found, { kind: "closed", why: "no answer within 5 seconds" });
  },
);

testWith([POSIX], "without secret-tool the store is closed", async () => {
  await using folder = await temporaryFolder();
  const store = openSecretService({
    env: (name) => name === "PATH" ? folder.path : undefined,
    timeout: () => new AbortController().signal,
  });
  const why = "secret-tool is not installed";
  assertEquals(await store.find("id"), { kind: "closed", why });
  assertEquals(await store.keep("id", "secret"), why);
});
