import type { Host } from "../platform/host.ts";
import { ifExists } from "../core/files.ts";
import { findKeystore, KEYSTORE_FILE } from "../state/find_keystore.ts";
import { KEY_WRAPPING_FILES } from "../state/key_wrapping.ts";
import type { Keystore } from "../state/keystore.ts";
import { type ProductFolder, PROGRESS_FILE } from "../state/product_folder.ts";
import type { RollbackGuard } from "../state/rollback_guard.ts";
import type { State } from "../state/state_file.ts";
import {
  AlreadyRunningError,
  openStateFolder,
  removeDurably,
  type StateFolder,
  writeAtomically,
} from "../state/state_folder.ts";
import { guardState } from "./guarded_state.ts";

interface TakeoverOptions
  extends Pick<Host, "platform" | "clock" | "log" | "newUuid" | "env" | "pid"> {
  readonly place: ProductFolder;
  /** The data folder, in which version 0.1 kept one state for all products. */
  readonly shared: string;
  /** The license that is about to run. */
  readonly licenseKey: string;
}

/** Content of the progress file. */
type Progress = "copying" | "copied";

/**
 * Takes over the state of version 0.1 for one product, once: machine id, key, activations and what is left of the grace. If
 * the process is killed meanwhile, the next start takes over.
 *
 * A machine had one state for all products. Each product copies it, as the licenses in it do not tell their product. It is
 * deleted once each of its licenses has run.
 *
 * @param folder The product's folder, locked by this process.
 * @returns `undefined` if there is nothing to take over.
 * @throws {AlreadyRunningError} Version 0.1 runs.
 */
export async function takeOverSharedState(
  folder: StateFolder,
  options: TakeoverOptions,
): Promise<{ readonly rollback: string | undefined } | undefined> {
  const { shared, log } = options;
  const progress = await readProgress(folder);
  const hasKeystore = await exists(folder.at(KEYSTORE_FILE));
  if (progress === undefined && hasKeystore) return undefined;
  using _lock = await lockShared(options);
  const found = await findKeystore(shared, options);
  if (found.kind === "closed") throw found.error;
  if (found.kind === "opened") {
    return await takeOver(folder, found.keystore, { ...options, progress });
  }
  if (found.kind === "unreadable") {
    log.info(`the keystore in ${shared} is another machine's or user's: it is left alone`);
  } else if (progress === "copied") {
    await removeKeyWrapping(shared);
    sayTakenOver(options);
  }
  await finish(folder);
  return undefined;
}

function sayTakenOver({ log, shared }: TakeoverOptions): void {
  log.info(`state of version 0.1 taken over from ${shared}`);
}

async function takeOver(
  folder: StateFolder,
  keystore: Keystore,
  options: TakeoverOptions & { readonly progress: Progress | undefined },
): Promise<{ readonly rollback: string | undefined } | undefined> {
  const { place, shared, progress, clock } = options;
  const { stateKey } = await keystore.open(clock.wallMs());
  const dependencies = { ...options, stateKey };
  const before = guardState(shared, { scope: undefined, keepsOuterReplica: true }, dependencies);
  const { state, rollback } = await before.load(clock.wallMs());
  let evidence: string | undefined;
  if (progress !== "copied") {
    if (state === undefined || state.taken_over_by?.includes(place.scope!)) {
      await finish(folder);
      return undefined;
    }
    await writeProgress(folder, "copying");
    for (const name of KEY_WRAPPING_FILES) await copyIfExists(`${shared}/${name}`, folder.at(name));
    const own = guardState(folder.path, place, dependencies);
    const adopted = await own.adopt(state, (state) => inherit(state, options));
    evidence = adopted.rollback ?? rollback;
    // with the keystore the product's folder is complete
    await copyIfExists(`${shared}/${KEYSTORE_FILE}`, folder.at(KEYSTORE_FILE));
    await writeProgress(folder, "copied");
  }
  if (!await leaveToOthers(state, before, options)) {
    await before.delete();
    await keystore.delete();
    await removeKeyWrapping(shared);
  }
  await finish(folder);
  sayTakenOver(options);
  return { rollback: evidence };
}

/** The state as the product goes on with it. */
function inherit(
  { taken_over_by: others = [], ...state }: State,
  { licenseKey, newUuid }: TakeoverOptions,
): State {
  return {
    ...state,
    ...(others.length > 0 && { socket_id: newUuid() }),
    licenses: state.licenses.map((record) =>
      record.license_key === licenseKey ? record : { ...record, is_inherited: true }
    ),
  };
}

/**
 * Notes in the shared state that this product has it.
 *
 * @returns False if no license of another product is left in it.
 */
async function leaveToOthers(
  state: State | undefined,
  shared: RollbackGuard,
  { place, licenseKey }: TakeoverOptions,
): Promise<boolean> {
  const licenses = state?.licenses.filter(({ license_key }) => license_key !== licenseKey) ?? [];
  if (state === undefined || licenses.length === 0) return false;
  const others = state.taken_over_by?.filter((scope) => scope !== place.scope) ?? [];
  const taken_over_by = [...others, place.scope!];
  await shared.save({ ...state, licenses, taken_over_by }, { ahead: true });
  return true;
}

async function removeKeyWrapping(folder: string): Promise<void> {
  for (const name of KEY_WRAPPING_FILES) await removeDurably(`${folder}/${name}`);
}

/** How often, and in which interval, the lock is tried: another product's takeover holds it for an instant. */
const LOCK_TRIES = 40, LOCK_INTERVAL_MS = 50;

async function lockShared({ shared, clock, ...deps }: TakeoverOptions): Promise<Disposable> {
  for (let tries = 1;; tries++) {
    try {
      return await openStateFolder(shared, deps);
    } catch (error) {
      if (!(error instanceof AlreadyRunningError) || tries === LOCK_TRIES) throw error;
      await clock.sleep(LOCK_INTERVAL_MS);
    }
  }
}

async function readProgress(folder: StateFolder): Promise<Progress | undefined> {
  const text = await ifExists(Deno.readTextFile(folder.at(PROGRESS_FILE)));
  return text === undefined || text === "copied" ? text : "copying";
}

async function writeProgress(folder: StateFolder, progress: Progress): Promise<void> {
  await writeAtomically(folder.at(PROGRESS_FILE), new TextEncoder().encode(progress));
}

async function finish(folder: StateFolder): Promise<void> {
  await removeDurably(folder.at(PROGRESS_FILE));
}

async function copyIfExists(from: string, to: string): Promise<void> {
  const content = await ifExists(Deno.readFile(from));
  if (content !== undefined) await writeAtomically(to, content);
}

async function exists(path: string): Promise<boolean> {
  return await ifExists(Deno.lstat(path)) !== undefined;
}
