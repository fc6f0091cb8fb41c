// Not on Windows: the software is a shell script.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { RunHarness } from "../support/run_harness.ts";
import { runProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

const KEYRING = (["dbus-run-session", "gnome-keyring-daemon", "secret-tool"] as const).map(
  needsProgram,
);

/** Locks the keyring of the session, by the Secret Service's own method. */
const LOCK = "dbus-send --session --print-reply --dest=org.freedesktop.secrets " +
  "/org/freedesktop/secrets org.freedesktop.Secret.Service.Lock " +
  "array:objpath:/org/freedesktop/secrets/collection/login >/dev/null; ";

/** A customer with a keyring in the folder `data`, to which a session with a bus of its own gives access. */
function session({ folder }: RunHarness, { isLocked = false } = {}) {
  const unlock = "printf password | gnome-keyring-daemon --unlock --components=secrets >/dev/null;";
  const script = `{ ${unlock} ${isLocked ? LOCK : ""} } 2>/dev/null; exec "$@"`;
  return {
    // without a display no password prompt is possible
    env: { XDG_DATA_HOME: folder.at("data"), DISPLAY: "", WAYLAND_DISPLAY: "" },
    wrapper: ["dbus-run-session", "--", "sh", "-c", script, "sh"],
  };
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

testWith(
  KEYRING,
  "a real keyring holds a part of the machine's key: without it nothing starts, and nothing is lost",
  async () => {
    await using harness = await RunHarness.open("--max-machines", "1");
    const first = await harness.run("/bin/true", session(harness));
    assertEquals(first.code, 0, first.stderr);
    assertStringIncludes(first.stderr, "machine activated");
    assert(await exists(harness.folder.at("state/keystore.safe")));
    assert(!await exists(harness.folder.at("state/keystore.salt")));

    const locked = await harness.run("/bin/true", session(harness, { isLocked: true }));
    assertEquals(locked.code, 2, locked.stderr);
    assertStringIncludes(
      locked.stderr,
      "sentinel: error: the Secret Service holds the machine's key but does not return it (the keyring is locked): ",
    );
    const outside = await harness.run("/bin/true");
    assertEquals(outside.code, 2, outside.stderr);
    assertMatch(outside.stderr, /but does not return it \(.+\): unlock it/);

    const again = await harness.run("/bin/true", session(harness));
    assertEquals(again.code, 0, again.stderr);
    assert(!again.stderr.includes("machine activated"));
  },
);

testWith(KEYRING, "a keyring that was thrown away costs a machine of the license", async () => {
  await using harness = await RunHarness.open("--max-machines", "1");
  assertEquals((await harness.run("/bin/true", session(harness))).code, 0);
  await Deno.remove(harness.folder.at("data"), { recursive: true });
  const { code, stderr } = await harness.run("/bin/true", session(harness));
  assertEquals(code, 81, stderr);
  assertStringIncludes(stderr, "keystore cannot be read, set aside as ");
});

testWith(KEYRING, "doctor reports the kind of key, and why it is locked", async () => {
  await using harness = await RunHarness.open();
  assertEquals((await harness.run("/bin/true", session(harness))).code, 0);
  const examine = async (isLocked: boolean) => {
    const { env, wrapper } = session(harness, { isLocked });
    const args = ["doctor", "--state-dir", harness.folder.at("state")];
    const runtime = { XDG_RUNTIME_DIR: harness.folder.at("runtime") };
    const { stdout } = await runProgram(args, { wrapper, env: { ...env, ...runtime } });
    return stdout;
  };
  assertMatch(
    await examine(false),
    /^ok +keystore +secret-service key: a copy of the state folder/m,
  );
  assertMatch(
    await examine(true),
    /^failed +keystore +the Secret Service does not give the key \(the keyring is locked\) — unlock/m,
  );
});

testWith(
  [needsProgram("dbus-run-session"), needsProgram("secret-tool")],
  "in a session without a Secret Service the key is derived, and the start succeeds",
  async () => {
    await using harness = await RunHarness.open();
    const config = harness.folder.at("bus.conf");
    // a bus that starts no services
    await Deno.writeTextFile(
      config,
      `<busconfig><type>session</type><listen>unix:tmpdir=${harness.folder.path}</listen>` +
        `<policy context="default"><allow send_destination="*" eavesdrop="true"/>` +
        `<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`,
    );
    const wrapper = ["dbus-run-session", `--config-file=${config}`, "--"];
    const { code, stderr } = await harness.run("/bin/true", { wrapper });
    assertEquals(code, 0, stderr);
    assertMatch(
      stderr,
      /DEBUG: the key of the keystore is derived: the credential store does not keep it \(.+\)/,
    );
    assert(await exists(harness.folder.at("state/keystore.salt")));
  },
);
