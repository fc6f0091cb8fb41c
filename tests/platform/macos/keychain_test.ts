import { assert, assertEquals } from "@std/assert";
import { openKeychain } from "../../../src/platform/macos/keychain.ts";
import type { CredentialStore } from "../../../src/platform/secret_tool.ts";
import { POSIX, testWith } from "../../support/requirements.ts";
import { type TemporaryFolder, temporaryFolder } from "../../support/temporary_folder.ts";

// None of this has run on a Mac: answers and statuses are those that security(1) and <Security/SecBase.h> tell.

/** A `security` of `sh`. */
async function fake(folder: TemporaryFolder, script: string): Promise<CredentialStore> {
  await Deno.writeTextFile(folder.at("security"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const variables: Record<string, string> = {
    HOME: folder.path,
    DYLD_INSERT_LIBRARIES: "/nowhere",
  };
  const timeout = () => new AbortController().signal;
  return openKeychain({ env: (name) => variables[name], timeout }, folder.at("security"));
}

testWith(
  [POSIX],
  "a secret passes to the keychain through standard input, never through the arguments, and comes back",
  async () => {
    await using folder = await temporaryFolder();
    const at = folder.at;
    const store = await fake(
      folder,
      `echo "$@" >> ${at("args")}; env > ${at("env")}
case $1 in -i) cat > ${at("line")};; *) sed -n 's/.*"-w" "\\(.*\\)"/\\1/p' ${at("line")};; esac`,
    );
    assertEquals(await store.keep("id-1", "c0ffee"), undefined);
    assertEquals(
      await Deno.readTextFile(at("line")),
      '"add-generic-password" "-s" "sentinel-drm" "-a" "id-1" "-l" "Sentinel: key of this machine" "-w" "c0ffee"\n',
    );
    assertEquals(await store.find("id-1"), { kind: "found", secret: "c0ffee" });
    assertEquals(
      await Deno.readTextFile(at("args")),
      "-i\nfind-generic-password -s sentinel-drm -a id-1 -w\n",
    );
    assert(!/c0ffee|DYLD/.test(await Deno.readTextFile(at("env"))));
  },
);

const ANSWERS: [string, string, unknown][] = [
  [
    "that there is no such item",
    "echo 'security: SecKeychainSearchCopyNext: The specified item could not be found in the keychain.' >&2; exit 44",
    { kind: "absent" },
  ],
  [
    "that nobody may be asked",
    "echo 'security: SecKeychainItemCopyContent: User interaction is not allowed.' >&2; exit 36",
    { kind: "closed", why: "the keychain is locked" },
  ],
  ["another fault", "echo 'security: no such keychain' >&2; exit 1", {
    kind: "closed",
    why: "no such keychain",
  }],
  ["nothing at all", "kill -KILL $$", { kind: "closed", why: "it failed without a message" }],
];

for (const [what, script, expected] of ANSWERS) {
  testWith(
    [POSIX],
    `a keychain that answers with ${what} is ${JSON.stringify(expected)}`,
    async () => {
      await using folder = await temporaryFolder();
      assertEquals<unknown>(await (await fake(folder, script)).find("id"), expected);
    },
  );
}
