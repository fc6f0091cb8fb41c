import type { Env } from "../core/process.ts";
import type { Host } from "../platform/host.ts";
import { describeError } from "../core/errors.ts";
import type { License } from "../license/payload.ts";
import type { Platform } from "../platform/contract.ts";
import { CREDENTIAL_STORE_NAMES } from "../platform/secret_tool.ts";
import { digestOrganizationKey } from "../license/organization_key.ts";
import { findKeystore, hasKeystore, KEYSTORE_FILE } from "../state/find_keystore.ts";
import { type KeyWrapping, PROTECTS } from "../state/key_wrapping.ts";
import { locateProductFolder } from "../state/product_folder.ts";
import { StateFile } from "../state/state_file.ts";
import {
  type Diagnostic,
  type DoctorRequest,
  fail,
  type FoundStateFolder,
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

/** Checks that keystore and state can be opened; creates and quarantines nothing. */
export async function examineState(
  { stateFolder, unknown }: FoundStateFolder,
  license: License | undefined,
  deps: StateDependencies,
): Promise<Diagnostic[]> {
  if (license?.license_type === "HARDWARE_BOUND") {
    return skipBoth("a hardware-bound license has none");
  }
  if (unknown === "license") return skipBoth("its folder depends on the license");
  if (stateFolder === undefined) {
    return [
      skip("keystore", "no state folder"),
      fail("state", "no home directory is known", {
        advice: "give --state-dir",
        code: "config.state_dir",
      }),
    ];
  }
  try {
    return await openAll(stateFolder, license, deps);
  } catch (error) {
    return [
      skip("keystore", "the state folder cannot be read"),
      fail("state", `${stateFolder} cannot be read (${describeError(error)})`, {
        advice: "run as the folder's owner, or give another --state-dir",
        code: "config.state_folder",
      }),
    ];
  }
}

function skipBoth(why: string): Diagnostic[] {
  return [skip("keystore", why), skip("state", why)];
}

async function openAll(
  folder: string,
  license: License | undefined,
  deps: StateDependencies,
): Promise<Diagnostic[]> {
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
    const will = keyWrapping === undefined ? predictKey(platform, env) : describeKey(keyWrapping);
    return [
      pass("keystore", `none yet; will be a ${will}`),
      pass("state", `none yet in ${folder}`),
    ];
  }
  const about = keyWrapping === undefined ? "its key is missing" : describeKey(keyWrapping);
  if (found.kind === "unreadable") {
    return reportKeystoreFault(
      `${folder}/${KEYSTORE_FILE} cannot be opened here (${about})`,
      "it is another machine's or user's, or damaged: the next run sets it aside and activates again",
    );
  }
  const { stateKey } = await found.keystore.open(clock.wallMs());
  const state = await new StateFile(`${folder}/state.bin`, stateKey).probe();
  return [pass("keystore", about), describeState(state, { folder, license })];
}

/** Describes the key that the first run will create. */
function predictKey(
  platform: Platform,
  env: Env,
): string {
  const derived = `derived key: ${PROTECTS.derived}`;
  const { dataProtection } = platform;
  if (dataProtection !== undefined) {
    return `${dataProtection.kind} key: ${PROTECTS[dataProtection.kind]}`;
  }
  const announced = platform.announcedCredentialStore(env);
  if (announced === undefined) return derived;
  return `${announced} key if ${CREDENTIAL_STORE_NAMES[announced]} answers, else a ${derived}`;
}

function describeKey({ kind, protects }: KeyWrapping): string {
  return `${kind} key: ${protects}`;
}

function reportKeystoreFault(found: string, advice: string): Diagnostic[] {
  return [
    fail("keystore", found, { advice, code: "config.keystore" }),
    skip("state", "the keystore holds its key"),
  ];
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
  const record = state.licenses.find(({ license_key }) => license_key === license?.license_key);
  if (record === undefined) return pass("state", `${machine}; this license has not run here`);
  if (record.grace_exhausted) {
    return fail("state", `${machine}; no grace is left`, {
      advice: "the next run must reach the license server",
      code: "unreachable.grace_exhausted",
    });
  }
  return pass("state", `${machine}; ${record.grace_remaining_seconds} seconds of grace left`);
}
