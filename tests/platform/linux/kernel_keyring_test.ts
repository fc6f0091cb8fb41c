import { assertEquals } from "@std/assert";
import { linuxUserKeyring } from "../../../src/platform/linux/kernel_keyring.ts";
import { readBootId } from "../../../src/platform/linux/proc.ts";
import { openLibraries } from "../../support/open_libraries.ts";
import { needsProgram, POSIX, testWith } from "../../support/requirements.ts";
import { inUserNamespace, USER_NAMESPACES } from "../../support/user_namespace.ts";
import { NEEDS_USER_KEYRING } from "../../support/user_keyring.ts";
import { runTool } from "../../support/run_tool.ts";

openLibraries();

const utf8 = (text: string) => new TextEncoder().encode(text);

/** A name of the test's own, whose key is removed at the end. */
function ownName(): Disposable & { readonly name: string } {
  const name = `sentinel-test:${crypto.randomUUID()}`;
  return { name, [Symbol.dispose]: () => linuxUserKeyring.remove(name) };
}

testWith(
  [POSIX, NEEDS_USER_KEYRING],
  "the user's keyring keeps bytes under a name until they are removed",
  () => {
    using own = ownName();
    const { name } = own;
    assertEquals(linuxUserKeyring.read(name), undefined);
    linuxUserKeyring.write(name, utf8("first"));
    assertEquals(linuxUserKeyring.read(name), utf8("first"));
    linuxUserKeyring.write(name, crypto.getRandomValues(new Uint8Array(20_000)));
    linuxUserKeyring.write(name, Uint8Array.of(0, 255));
    assertEquals(linuxUserKeyring.read(name), Uint8Array.of(0, 255));
    linuxUserKeyring.remove(name);
    linuxUserKeyring.remove(name);
    assertEquals(linuxUserKeyring.read(name), undefined);
  },
);

testWith([POSIX, NEEDS_USER_KEYRING], "a keyring that answers lasts as long as the boot", () => {
  const { memory } = linuxUserKeyring;
  assertEquals(memory?.period(), readBootId());
  using own = ownName();
  linuxUserKeyring.write(own.name, utf8("first"));
  assertEquals(memory?.period(), readBootId());
});

testWith(
  [USER_NAMESPACES, NEEDS_USER_KEYRING],
  "that of a user namespace ends with it",
  async () => {
    const tell = async (...wrapper: string[]) => {
      const fixture = new URL("../../fixtures/tell_keyring.ts", import.meta.url).pathname;
      const deno = [Deno.execPath(), "run", "--quiet", "--allow-ffi", "--allow-read", fixture];
      const [program, ...args] = [...wrapper, ...deno];
      return JSON.parse(await runTool(program!, ...args));
    };
    assertEquals(await tell(), { period: readBootId(), isLasting: true });
    assertEquals(await tell(...inUserNamespace()), { period: readBootId(), isLasting: false });
  },
);

testWith(
  [NEEDS_USER_KEYRING, needsProgram("keyctl")],
  "a session that does not possess the user's keyring, such as a service, shares its keys",
  async () => {
    using own = ownName();
    const { name } = own;
    const inNewSession = async (script: string) => {
      const fixture = new URL("../../fixtures/use_keyring.ts", import.meta.url).pathname;
      const run = [Deno.execPath(), "run", "--quiet", "--allow-ffi", "--allow-read", fixture];
      return (await runTool("keyctl", "session", "-", ...run, name, script)).trim();
    };
    await inNewSession("made there");
    assertEquals(linuxUserKeyring.read(name), utf8("made there"));
    linuxUserKeyring.write(name, utf8("changed here"));
    assertEquals(await inNewSession("changed there"), "changed here");
    assertEquals(linuxUserKeyring.read(name), utf8("changed there"));
  },
);
