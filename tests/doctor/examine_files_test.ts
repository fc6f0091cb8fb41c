/** The lines on state, socket and permissions for wrong files. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { selectPlatform } from "../../src/platform/select.ts";
import { examinePermissions } from "../../src/doctor/files.ts";
import { examineSocket } from "../../src/doctor/files.ts";
import { examineState } from "../../src/doctor/state.ts";
import { FakeClock } from "../support/fake_clock.ts";
import type { Diagnostic } from "../../src/doctor/diagnostic.ts";
import { type Machine, openMachine } from "../../src/enforcement/machine.ts";
import { findRecord, replaceRecord } from "../../src/enforcement/grace.ts";
import { openStateFolder } from "../../src/state/state_folder.ts";
import type { StandardLicense } from "../../src/license/payload.ts";
import { standardPayload } from "../support/organization.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { givenFolder } from "../support/product_folder.ts";
import { mountDisk } from "../support/mounted_disk.ts";
import { openLibraries } from "../support/open_libraries.ts";
import { LINUX, NEEDS_ROOT, POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

openLibraries();

/** Nothing is stored outside the folder. */
const platform = {
  ...selectPlatform(),
  userKeyring: () => undefined,
  // it applies to the whole process, other tests included
  protectMemory() {},
  replicaFolder: () => undefined,
};
const clock = new FakeClock();
const env = () => undefined;

function requestFor(stateFolder: string) {
  return { orgKey: undefined, stateFolder };
}

testWith([POSIX], "a state folder that is a file cannot be read", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("state"), "");
  const deps = { platform, env, clock };
  const { diagnostics: [keystore, state] } = await examineState(
    requestFor(folder.at("state")),
    undefined,
    deps,
  );
  assertEquals(keystore!.outcome, "skipped");
  assertEquals(state!.outcome, "failed");
  assertStringIncludes(
    state!.found,
    `the state folder cannot be read: ${folder.at("state")} (Not a directory`,
  );
});

/** The diagnostic of the state after a run, as changed by the test. */
async function stateAfter(
  change: (machine: Machine, path: string) => Promise<void>,
): Promise<Diagnostic> {
  await using folder = await temporaryFolder();
  const log = new RecordingLog();
  {
    using opened = await openStateFolder(folder.path, { log, pid: Deno.pid });
    const newUuid = () => "3f0e7b3a-6f57-4c0e-9d43-3d2c8f0a4b11";
    const machine = await openMachine(opened, {
      ...{ platform, clock, log, newUuid, env, pid: Deno.pid, licenseKey: "K1" },
      place: givenFolder(opened.path),
    });
    await change(machine, folder.path);
  }
  const request = requestFor(folder.path);
  const { diagnostics: [keystore, state] } = await examineState(request, LICENSE, {
    ...{ platform, env, clock },
  });
  assertEquals(keystore!.outcome, "ok");
  return { ...state!, found: state!.found.replace(folder.path, "FOLDER") };
}

const LICENSE = standardPayload() as unknown as StandardLicense;

Deno.test("a state without grace says what the next run needs", async () => {
  const finding = await stateAfter(async ({ state, storage }) => {
    const record = { ...findRecord(state, LICENSE), grace_exhausted: true };
    await storage.save(replaceRecord(state, record), { ahead: true });
  });
  assertEquals(finding, {
    check: "state",
    outcome: "ok",
    found: "machine 3f0e7b3a-6f57-4c0e-9d43-3d2c8f0a4b11; no grace is left: " +
      "a run must reach the license server",
  });
});

Deno.test("a missing state with a keystore is reported as none yet", async () => {
  const finding = await stateAfter((_machine, path) => Deno.remove(`${path}/state.bin`));
  assertEquals([finding.outcome, finding.found], ["ok", "none yet in FOLDER"]);
});

for (
  const [id, claim] of [
    ["a".repeat(32), "a copy of the state folder cannot be used on another machine"],
    [
      undefined,
      "a copy of the state folder can be used by the same user on any machine that has none",
    ],
  ] as const
) {
  Deno.test(`a machine ${id === undefined ? "without an id is" : "with an id is not"} said to be copied easily`, async () => {
    await using folder = await temporaryFolder();
    const machineId = () => Promise.resolve(id);
    const bound = { ...platform, machineId, dataProtection: undefined };
    const deps = { platform: bound, env, clock };
    const examined = await examineState(requestFor(folder.at("state")), undefined, deps);
    assertStringIncludes(examined.diagnostics[0]!.found, claim);
  });
}

Deno.test("missing runtime permissions are named, each with its option", async () => {
  await using folder = await temporaryFolder();
  const listMissingAccess = () => ["ffi", "run"];
  const finding = await examinePermissions(requestFor(folder.at("nowhere")), { listMissingAccess });
  assertEquals(finding, {
    check: "permissions",
    outcome: "failed",
    found: "the runtime has no ffi access; the runtime has no run access",
    advice: "--allow-ffi; --allow-run",
    code: "permission.files",
  });
});

testWith([NEEDS_ROOT], "another user's state folder is named, with the user", async () => {
  await using folder = await temporaryFolder();
  await Deno.chown(folder.path, 65534, 65534);
  const listMissingAccess = () => [];
  const { outcome, found } = await examinePermissions(requestFor(folder.path), {
    listMissingAccess,
  });
  assertEquals([outcome, found], ["failed", `${folder.path} belongs to user 65534`]);
});

testWith(
  [POSIX],
  "a state folder that cannot be listed is reported only in the line on the state",
  async () => {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(folder.at("state"), "", { mode: 0o600 });
    const listMissingAccess = () => [];
    const finding = await examinePermissions(requestFor(folder.at("state")), { listMissingAccess });
    assertEquals(finding.outcome, "ok");
  },
);

/** The diagnostic of a socket's path that the test has prepared. */
async function socketAt(make: (path: string) => unknown): Promise<Diagnostic> {
  await using folder = await temporaryFolder();
  const path = folder.at("s.sock");
  await make(path);
  const finding = await examineSocket({ ipc: { path } }, { platform, env });
  return { ...finding, found: finding.found.replace(path, "PATH") };
}

testWith([POSIX], "a socket without a listener does not count as a running sentinel", async () => {
  const finding = await socketAt(async (path) => {
    using _listener = Deno.listen({ transport: "unix", path: `${path}.old` });
    // closing it removes only the old name
    await Deno.rename(`${path}.old`, path);
  });
  assertEquals(finding, {
    check: "socket",
    outcome: "ok",
    found: "will be PATH; no sentinel runs",
  });
});

testWith([POSIX], "a file at the socket's path, which no run would remove, is named", async () => {
  const finding = await socketAt((path) => Deno.writeTextFile(path, ""));
  assertEquals(finding, {
    check: "socket",
    outcome: "failed",
    found: "Cannot serve PATH: it exists and is not a socket",
    advice: "move it away or chmod 700 it; XDG_RUNTIME_DIR must be this user's own folder",
    code: "permission.ipc_path",
  });
});

testWith(
  [NEEDS_ROOT, LINUX],
  "a socket's folder that cannot be written is named, with the code of a run",
  async () => {
    await using folder = await temporaryFolder();
    await using _disk = await mountDisk(folder.path, "ro,mode=700");
    const finding = await examineSocket({ ipc: { path: folder.at("s.sock") } }, { platform, env });
    assertEquals([finding.outcome, finding.found], [
      "failed",
      `Cannot put a socket into ${folder.path}: it cannot be written`,
    ]);
  },
);
