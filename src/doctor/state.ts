import type { Env } from "../core/process.ts";
import type { Host } from "../platform/host.ts";
import { describeError } from "../core/errors.ts";
import type { License } from "../license/payload.ts";
import type { Platform } from "../platform/contract.ts";
import { CREDENTIAL_STORE_NAMES } from "../platform/secret_tool.ts";
import { ifExists } from "../core/files.ts";
import { findKeyWrapping, type KeyWrapping, PROTECTS } from "../state/key_wrapping.ts";
import { Keystore } from "../state/keystore.ts";
import { StateFile } from "../state/state_file.ts";
import { type Diagnostic, failed, ok, skipped } from "./diagnostic.ts";

type StateDependencies = Pick<Host, "platform" | "clock" | "env">;

/** Checks that keystore and state can be opened; creates and quarantines nothing. */
export async function examineState(
  { stateFolder }: { stateFolder: string | undefined },
  license: License | undefined,
  deps: StateDependencies,
): Promise<Diagnostic[]> {
  if (license?.license_type === "HARDWARE_BOUND") {
    return (["keystore", "state"] as const).map((line) =>
      skipped(line, "a hardware-bound license has none")
    );
  }
  if (stateFolder === undefined) {
    return [
      skipped("keystore", "no state folder"),
      failed("state", "no home directory is known", {
        advice: "give --state-dir",
        code: "config.state_dir",
      }),
    ];
  }
  try {
    return await openAll(stateFolder, license, deps);
  } catch (error) {
    return [
      skipped("keystore", "the state folder cannot be read"),
      failed("state", `${stateFolder} cannot be read (${describeError(error)})`, {
        advice: "run as the folder's owner, or give another --state-dir",
        code: "config.state_folder",
      }),
    ];
  }
}

async function openAll(
  folder: string,
  license: License | undefined,
  { platform, clock, env }: StateDependencies,
): Promise<Diagnostic[]> {
  const path = `${folder}/keystore.bin`;
  const { timeout } = clock;
  const found = await findKeyWrapping(folder, { platform, env, timeout });
  if (found.kind === "closed") {
    return keystoreFault(
      `the Secret Service does not give the key (${found.error.why})`,
      "unlock the keyring, or run in the session that it belongs to",
    );
  }
  const keyWrapping = found.kind === "found" ? found.keyWrapping : undefined;
  if (await ifExists(Deno.readFile(path)) === undefined) {
    const will = keyWrapping === undefined ? predictKey(platform, env) : describeKey(keyWrapping);
    return [ok("keystore", `none yet; will be a ${will}`), ok("state", `none yet in ${folder}`)];
  }
  const about = keyWrapping === undefined ? "its key is missing" : describeKey(keyWrapping);
  const { guardMemory } = platform;
  const keystore = keyWrapping && new Keystore(path, { keyWrapping, guardMemory });
  if (keystore === undefined || await keystore.probe() !== "opened") {
    return keystoreFault(
      `${path} cannot be opened here (${about})`,
      "it is another machine's or user's, or damaged: the next run sets it aside and activates again",
    );
  }
  const { stateKey } = await keystore.open(clock.wallMs());
  const state = await new StateFile(`${folder}/state.bin`, stateKey).probe();
  return [ok("keystore", about), describeState(state, { folder, license })];
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

function keystoreFault(found: string, advice: string): Diagnostic[] {
  return [
    failed("keystore", found, { advice, code: "config.keystore" }),
    skipped("state", "the keystore holds its key"),
  ];
}

function describeState(
  state: Awaited<ReturnType<StateFile["probe"]>>,
  { folder, license }: { folder: string; license: License | undefined },
): Diagnostic {
  if (state === "absent") return ok("state", `none yet in ${folder}`);
  if (state === "unreadable") {
    return failed("state", `${folder}/state.bin cannot be read`, {
      advice: "the next run sets it aside and must reach the server",
      code: "config.state_file",
    });
  }
  const machine = `machine ${state.machine_id}`;
  const record = state.licenses.find(({ license_key }) => license_key === license?.license_key);
  if (record === undefined) return ok("state", `${machine}; this license has not run here`);
  if (record.grace_exhausted) {
    return failed("state", `${machine}; no grace is left`, {
      advice: "the next run must reach the license server",
      code: "unreachable.grace_exhausted",
    });
  }
  return ok("state", `${machine}; ${record.grace_remaining_seconds} seconds of grace left`);
}
