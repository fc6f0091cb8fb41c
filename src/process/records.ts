import { isObject } from "../core/strict_json.ts";
import { ifExists, lstatIfExistsSync, writeFreshSync } from "../core/files.ts";
import type { ProcessIdentity, ProcessView } from "../core/process.ts";
import { openOutputLog, type RecordingFault } from "./output/log.ts";
import { findTree, stopTree } from "./process_tree.ts";
import { releaseLock } from "../core/file_lock.ts";
import type { Clock } from "../core/clock.ts";
import type { ProcessControl } from "../platform/process_contract.ts";

/**
 * A process, stored as JSON.
 *
 * Resource usage is not available: the runtime reaps a child before wait4(2) could report it, RUSAGE_CHILDREN is the sum
 * over all children, and `/proc` has no entry for an exited process.
 */
export interface ProcessRecord extends ProcessView {
  /** `undefined` until it is launched. */
  readonly identity?: ProcessIdentity | undefined;
  /** Launch token (`LAUNCH_TOKEN_VARIABLE`), stored before the launch. */
  readonly mark: string;
  readonly fault?: RecordingFault | undefined;
}

/** Checks a record from `JSON.parse`; `undefined` if it is malformed. */
function parseRecord(value: unknown): ProcessRecord | undefined {
  if (!isObject(value)) return undefined;
  const { id, command, args, state, mark, startedAtMs, outputBytes } = value;
  const isRecord = typeof id === "string" && typeof command === "string" && Array.isArray(args) &&
    typeof state === "string" && typeof mark === "string" && typeof startedAtMs === "number" &&
    typeof outputBytes === "number";
  return isRecord ? value as unknown as ProcessRecord : undefined;
}

/**
 * Process records in a folder: `<id>/record.json` and `<id>/output/` for each process. One store at a time holds the folder
 * (flock(2) on `lock`).
 */
export class RecordStore implements Disposable {
  readonly #lock: Deno.FsFile;
  #lastId: number;
  readonly #sync: boolean;
  #isOpen = true;

  private constructor(
    readonly folder: string,
    lock: Deno.FsFile,
    { lastId, sync }: { lastId: number; sync: boolean },
  ) {
    this.#lock = lock;
    this.#sync = sync;
    this.#lastId = lastId;
  }

  /**
   * Opens a folder and creates it if it does not exist; `undefined` if another process holds it.
   *
   * @param options `sync`: whether records survive a power failure.
   */
  static async open(
    folder: string,
    { sync }: { sync: boolean },
  ): Promise<RecordStore | undefined> {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const lock = await Deno.open(`${folder}/lock`, { write: true, create: true, mode: 0o600 });
    try {
      if (await lock.tryLock(true)) {
        return new RecordStore(folder, lock, { lastId: await findLastId(folder), sync });
      }
    } catch (error) {
      releaseLock(lock);
      throw error;
    }
    lock.close();
    return undefined;
  }

  /** Takes a new id by creating its folder. */
  newId(): string {
    const id = String(++this.#lastId);
    Deno.mkdirSync(`${this.folder}/${id}`, { mode: 0o700 });
    try {
      Deno.mkdirSync(this.outputFolder(id), { mode: 0o700 });
      return id;
    } catch (error) {
      this.#removeEmpty(id);
      throw error;
    }
  }

  /**
   * Adds a record under a new id; leaves nothing behind if it cannot be written.
   */
  async add(record: Omit<ProcessRecord, "id">): Promise<ProcessRecord> {
    const id = this.newId();
    try {
      await this.write({ id, ...record });
      return { id, ...record };
    } catch (error) {
      this.#removeEmpty(id);
      throw error;
    }
  }

  /** Removes the folder of an id that a crash left without a record; the id was not returned to a caller yet. */
  removeUnrecorded(id: string): void {
    if (lstatIfExistsSync(`${this.folder}/${id}/record.json`) === undefined) this.#removeEmpty(id);
  }

  outputFolder(id: string): string {
    return `${this.folder}/${id}/output`;
  }

  /** Replaces a record atomically. */
  async write(record: ProcessRecord): Promise<void> {
    await replaceFile(
      `${this.folder}/${record.id}/record.json`,
      JSON.stringify(record),
      this.#sync,
    );
  }

  /** Removes a process. First stores the last id, so that the id is not reused. */
  async remove(id: string): Promise<void> {
    await replaceFile(`${this.folder}/last_id`, String(this.#lastId), this.#sync);
    await Deno.remove(`${this.folder}/${id}`, { recursive: true });
  }

  /** `undefined` if the id does not exist or its record is malformed. */
  async read(id: string): Promise<ProcessRecord | undefined> {
    if (!isId(id)) return undefined;
    try {
      return parseRecord(JSON.parse(await Deno.readTextFile(`${this.folder}/${id}/record.json`)));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  /** All ids, ascending. */
  async ids(): Promise<string[]> {
    return (await findIds(this.folder)).map(String);
  }

  /** Removes the folder of an id without record and output, unless it contains files that are not ours. */
  #removeEmpty(id: string): void {
    const folder = `${this.folder}/${id}`;
    removeIfExists(`${folder}/record.json.tmp`);
    for (const path of [this.outputFolder(id), folder]) {
      const isEmpty = lstatIfExistsSync(path) !== undefined &&
        Deno.readDirSync(path).next().done === true;
      if (isEmpty) Deno.removeSync(path);
    }
  }

  /** Releases the folder; may be called twice. */
  [Symbol.dispose](): void {
    if (this.#isOpen) releaseLock(this.#lock);
    this.#isOpen = false;
  }
}

function isId(text: string): boolean {
  return /^[1-9]\d{0,15}$/.test(text);
}

async function findIds(folder: string): Promise<number[]> {
  const ids: number[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory && isId(name)) ids.push(Number(name));
  }
  return ids.sort((a, b) => a - b);
}

/** The larger of the stored last id and the existing ids. */
async function findLastId(folder: string): Promise<number> {
  const existing = (await findIds(folder)).at(-1) ?? 0;
  const stored = await ifExists(Deno.readTextFile(`${folder}/last_id`));
  return stored !== undefined && isId(stored) ? Math.max(existing, Number(stored)) : existing;
}

/**
 * Replaces a file atomically through a temporary file (rename(2)), which it removes on failure. Synchronous except for the
 * sync: without it, the calls only touch the page cache and cost less than a switch to another thread.
 */
async function replaceFile(path: string, text: string, sync: boolean): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    writeFreshSync(temporary, text, { mode: 0o600 });
    if (sync) {
      using file = await Deno.open(temporary, { write: true });
      await file.syncData();
    }
    Deno.renameSync(temporary, path);
  } catch (error) {
    removeIfExists(temporary);
    throw error;
  }
}

function removeIfExists(path: string): void {
  if (lstatIfExistsSync(path) !== undefined) Deno.removeSync(path);
}

interface RecoveryDependencies {
  readonly control: ProcessControl;
  readonly clock: Clock;
  readonly ownPid: number;
}

/**
 * Completes the records of processes that a crashed supervisor left running: stops them (`stopped`), or records them as
 * `lost` if they no longer exist.
 */
export async function recoverRecords(
  store: RecordStore,
  deps: RecoveryDependencies,
): Promise<void> {
  const left: ProcessRecord[] = [];
  for (const id of await store.ids()) {
    const record = await store.read(id);
    if (record === undefined) store.removeUnrecorded(id);
    if (record?.state === "running") left.push(record);
  }
  await Promise.all(left.map(async (record) => {
    await store.write(await recover(record, store.outputFolder(record.id), deps));
  }));
}

async function recover(
  record: ProcessRecord,
  folder: string,
  deps: RecoveryDependencies,
): Promise<ProcessRecord> {
  // a crash between launch and record leaves only the launch token
  const tree = findTree({ leader: record.identity, launchToken: record.mark }, deps);
  const isRunning = tree !== undefined && tree.members().length > 0;
  if (isRunning) await stopTree(tree, { clock: deps.clock });
  const { end } = await openOutputLog(folder);
  return {
    ...record,
    state: isRunning ? "stopped" : "lost",
    endedAtMs: deps.clock.wallMs(),
    outputBytes: end,
  };
}
