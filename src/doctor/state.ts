import type { Env } from "../core/process.ts";
import type { Host } from "../platform/host.ts";
import { describeError } from "../core/errors.ts";
import type { License } from "../license/payload.ts";
import type { Platform } from "../platform/contract.ts";
import { CREDENTIAL_STORE_NAMES } from "../platform/secret_tool.ts";
import { digestOrganizationKey } from "../license/organization_key.ts";
import { findKeystore, hasKeystore, KEYSTORE_FILE } from "../state/find_keystore.ts";
import { describeProtection, type KeyWrapping } from "../state/key_wrapping.ts";
import { locateProductFolder } from "../state/product_folder.ts";
import { type LicenseRecord, type State, StateFile } from "../state/state_file.ts";
import { lstatIfExists } from "../core/files.ts";
import { dirname } from "../core/paths.ts";
import {
  type Diagnostic,
  type DoctorRequest,
  fail,
  type FoundStateFolder,
  type KnownMachine,
  pass,
  skip,
} from "./diagnostic.ts";

type StateDependencies = Pick<Host, "platform" | "clock" | "env">;

/**
 * Finds the folder that a run would use; creates nothing. If the state of version 0.1 is still to be taken over, that is
 * where the state is.
 */
export async function findStateFolder(
  { stateDir, orgKey, strictRollback }: DoctorRequest,
  license: License | undefined,
  deps: StateDependencies,
): Promise<FoundStateFolder> {
  const home = stateDir ?? deps.platform.defaultStateFolder(deps.env);
  if (home === undefined) return { stateFolder: undefined, unknown: "home" };
  if (license === undefined || orgKey === undefined) {
    return stateDir === undefined
      ? { stateFolder: undefined, unknown: "license" }
      : { stateFolder: stateDir };
  }
  const product = {
    softwareId: license.software_id,
    organizationKeyDigest: await digestOrganizationKey(orgKey),
  };
  const { path, shared } = await locateProductFolder(product, { stateDir, strictRollback }, deps);
  const isTakenOver = shared === undefined || await hasKeystore(path) || !await hasKeystore(shared);
  return { stateFolder: isTakenOver ? path : shared };
}

/** The diagnostics of keystore and state, and the machine that they hold. */
export interface StateExamination {
  readonly diagnostics: readonly Diagnostic[];
  readonly machine?: KnownMachine | undefined;
}

/** Checks that keystore and state can be opened and written; creates and quarantines nothing. */
export async function examineState(
  { stateFolder, unknown }: FoundStateFolder,
  license: License | undefined,
  deps: StateDependencies,
): Promise<StateExamination> {
  if (license?.license_type === "HARDWARE_BOUND") {
    return { diagnostics: skipBoth("a hardware-bound license has none") };
  }
  if (unknown === "license") {
    return { diagnostics: skipBoth("its folder depends on the license") };
  }
  if (stateFolder === undefined) {
    const homeless = fail("state", "no home directory is known", {
      advice: "give --state-dir",
      code: "config.state_dir",
    });
    return { diagnostics: [skip("keystore", "no state folder"), homeless] };
  }
  try {
    const opened = await openAll(stateFolder, license, deps);
    const unwritable = await findUnwritable(stateFolder, deps);
    if (unwritable === undefined) return opened;
    const [keystore] = opened.diagnostics;
    return { ...opened, diagnostics: [keystore!, createFolderFault(unwritable, "written")] };
  } catch (error) {
    const fault = createFolderFault(`${stateFolder} (${describeError(error)})`, "read");
    return { diagnostics: [skip("keystore", "the state folder cannot be read"), fault] };
  }
}

function createFolderFault(place: string, what: "read" | "written"): Diagnostic {
  return fail("state", `the state folder cannot be ${what}: ${place}`, {
    advice: "run as the folder's owner, or give another --state-dir",
    code: "config.state_folder",
  });
}

/** Finds the folder that a run would have to write to, if it cannot: the state folder, or the one to create it in. */
async function findUnwritable(
  folder: string,
  { platform }: StateDependencies,
): Promise<string | undefined> {
  let existing = folder;
  while (dirname(existing) !== existing && await lstatIfExists(existing) === undefined) {
    existing = dirname(existing);
  }
  return platform.isWritable(existing) ? undefined : existing;
}

function skipBoth(why: string): Diagnostic[] {
  return [skip("keystore", why), skip("state", why)];
}

async function openAll(
  folder: string,
  license: License | undefined,
  deps: StateDependencies,
): Promise<StateExamination> {
  const { platform, clock, env } = deps;
  const found = await findKeystore(folder, deps);
  if (found.kind === "closed") {
    return reportKeystoreFault(
      `the Secret Service does not give the key (${found.error.why})`,
      "unlock the keyring, or run in the session that it belongs to",
    );
  }
  const { keyWrapping } = found;
  if (found.kind === "absent") {
    const will = keyWrapping === undefined
      ? await predictKey(platform, env)
      : await describeKey(keyWrapping.kind, platform);
    return {
      diagnostics: [
        pass("keystore", `none yet; will be a ${will}`),
        pass("state", `none yet in ${folder}`),
      ],
    };
  }
  const about = keyWrapping === undefined
    ? "its key is missing"
    : await describeKey(keyWrapping.kind, platform);
  if (found.kind === "unreadable") {
    return reportKeystoreFault(
      `${folder}/${KEYSTORE_FILE} cannot be opened here (${about})`,
      "it is another machine's or user's, or damaged: the next run sets it aside and activates again",
    );
  }
  const { stateKey, sign } = await found.keystore.open(clock.wallMs());
  const state = await new StateFile(`${folder}/state.bin`, stateKey).probe();
  const diagnostics = [pass("keystore", about), describeState(state, { folder, license })];
  if (typeof state === "string") return { diagnostics };
  const { machine_id: machineId, last_responded_at_ms: lastRespondedAtMs } = state;
  const record = findLicenseRecord(state, license);
  const isUnconfirmed = state.is_unconfirmed;
  return { diagnostics, machine: { machineId, sign, lastRespondedAtMs, isUnconfirmed, record } };
}

/** Describes the key that the first run will create. */
async function predictKey(platform: Platform, env: Env): Promise<string> {
  const derived = await describeKey("derived", platform);
  const { dataProtection } = platform;
  if (dataProtection !== undefined) return await describeKey(dataProtection.kind, platform);
  const announced = platform.announcedCredentialStore(env);
  if (announced === undefined) return derived;
  return `${announced} key if ${CREDENTIAL_STORE_NAMES[announced]} answers, else a ${derived}`;
}

async function describeKey(kind: KeyWrapping["kind"], platform: Platform): Promise<string> {
  return `${kind} key: ${await describeProtection(kind, platform)}`;
}

function reportKeystoreFault(found: string, advice: string): StateExamination {
  const diagnostics = [
    fail("keystore", found, { advice, code: "config.keystore" }),
    skip("state", "the keystore holds its key"),
  ];
  return { diagnostics };
}

function describeState(
  state: Awaited<ReturnType<StateFile["probe"]>>,
  { folder, license }: { folder: string; license: License | undefined },
): Diagnostic {
  if (state === "absent") return pass("state", `none yet in ${folder}`);
  if (state === "unreadable") {
    return fail("state", `${folder}/state.bin cannot be read`, {
      advice: "the next run sets it aside and must reach the server",
      code: "config.state_file",
    });
  }
  const machine = `machine ${state.machine_id}`;
  const record = findLicenseRecord(state, license);
  if (record === undefined) return pass("state", `${machine}; this license has not run here`);
  if (record.grace_exhausted) {
    return pass("state", `${machine}; no grace is left: a run must reach the license server`);
  }
  return pass("state", `${machine}; ${record.grace_remaining_seconds} seconds of grace left`);
}

function findLicenseRecord(
  { licenses }: State,
  license: License | undefined,
): LicenseRecord | undefined {
  return licenses.find(({ license_key }) => license_key === license?.license_key);
}
