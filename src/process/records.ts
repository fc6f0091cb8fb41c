import { isObject } from "../core/strict_json.ts";
import { ifExists, lstatIfExistsSync, writeFreshSync } from "../core/files.ts";
import type { ProcessIdentity } from "../core/process.ts";
import { openOutputLog, type RecordingFault } from "./output/log.ts";
import { findTree, stopTree } from "./process_tree.ts";
import { releaseLock } from "../core/file_lock.ts";
import type { Clock } from "../core/clock.ts";
import type { ProcessControl } from "../platform/process_contract.ts";

/**
 * `exited`: by itself, with a status. `stopped`: after it was asked to. `killed`: by a signal that nobody here sent. `lost`:
 * it ran when its supervisor ended without a word, and is not there any more.
 */
type ProcessState = "running" | "exited" | "stopped" | "killed" | "lost";

/**
 * What is known of a process; on disk as JSON. Times are milliseconds since the Unix epoch.
 *
 * What it used (rusage) is not known: the runtime waits for a child before wait4(2) could be asked, RUSAGE_CHILDREN adds up
 * all children, and `/proc` of who has ended is gone.
 */
export interface ProcessRecord {
  /** Decimal digits; never given out twice. */
  readonly id: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly state: ProcessState;
  /** What it is recognized by; `undefined` until it was launched. */
  readonly identity?: ProcessIdentity | undefined;
  /** See `LAUNCH_TOKEN_VARIABLE`; there before the launch. */
  readonly mark: string;
  readonly startedAtMs: number;
  readonly endedAtMs?: number | undefined;
  /** Where it `exited`. */
  readonly exitCode?: number | undefined;
  /** Where it was `killed`. */
  readonly signal?: string | undefined;
  /** All that it wrote and that was recorded, what retention removed included. */
  readonly outputBytes: number;
  readonly fault?: RecordingFault | undefined;
}

/** A record as `JSON.parse` gave it, or `undefined` where it is none of ours. */
export function parseRecord(value: unknown): ProcessRecord | undefined {
  if (!isObject(value)) return undefined;
  const { id, command, args, state, mark, startedAtMs, outputBytes } = value;
  const isRecord = typeof id === "string" && typeof command === "string" && Array.isArray(args) &&
    typeof state === "string" && typeof mark === "string" && typeof startedAtMs === "number" &&
    typeof outputBytes === "number";
  return isRecord ? value as unknown as ProcessRecord : undefined;
}

/**
 * Records below a folder, one folder for each process: `<id>/record.json`, `<id>/output/`. Held by one store at a time
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
   * Opens a folder and makes it where there is none; `undefined` where somebody else has it open.
   *
   * @param options `sync`: whether records survive a power failure, too.
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

  /** An id that was never given out, taken by making its folder. */
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
   * Records a process under an id of its own for the first time. Where that cannot be written nothing is left of it.
   *
   * @param record What is known of it but the id.
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

  /** Removes what a crash left of an id before there was a record, when nobody had been told of it. */
  removeUnrecorded(id: string): void {
    if (lstatIfExistsSync(`${this.folder}/${id}/record.json`) === undefined) this.#removeEmpty(id);
  }

  outputFolder(id: string): string {
    return `${this.folder}/${id}/output`;
  }

  /** Replaces the record, whole or not at all. */
  async write(record: ProcessRecord): Promise<void> {
    await replaceFile(
      `${this.folder}/${record.id}/record.json`,
      JSON.stringify(record),
      this.#sync,
    );
  }

  /** Forgets a process. Its id stays used: it is noted before the folder goes that would tell of it. */
  async remove(id: string): Promise<void> {
    await replaceFile(`${this.folder}/last_id`, String(this.#lastId), this.#sync);
    await Deno.remove(`${this.folder}/${id}`, { recursive: true });
  }

  /** `undefined` where there is no such id, or its record cannot be read. */
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

  /** Removes the folder of an id that has neither record nor output; whatever else is in it stays, as it is not ours. */
  #removeEmpty(id: string): void {
    const folder = `${this.folder}/${id}`;
    removeFileIfThere(`${folder}/record.json.tmp`);
    for (const path of [this.outputFolder(id), folder]) {
      const isEmpty = lstatIfExistsSync(path) !== undefined &&
        Deno.readDirSync(path).next().done === true;
      if (isEmpty) Deno.removeSync(path);
    }
  }

  /** Lets go of the folder; may be called twice. */
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

/** The larger of what was noted and what is there, whichever a crash left behind. */
async function findLastId(folder: string): Promise<number> {
  const there = (await findIds(folder)).at(-1) ?? 0;
  const noted = await ifExists(Deno.readTextFile(`${folder}/last_id`));
  return noted !== undefined && isId(noted) ? Math.max(there, Number(noted)) : there;
}

/**
 * Through a file beside it (rename(2)): whoever reads finds the old content or the new one. Without a sync that is a
 * matter of the system's memory and done at once, as turns of a thread cost a start more than the writing. On a full disk
 * nothing is left of the new one.
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
    removeFileIfThere(temporary);
    throw error;
  }
}

function removeFileIfThere(path: string): void {
  if (lstatIfExistsSync(path) !== undefined) Deno.removeSync(path);
}

interface RecoveryDependencies {
  readonly control: ProcessControl;
  readonly clock: Clock;
  readonly ownPid: number;
}

/**
 * Settles the records of processes that ran when their supervisor ended without a word: whoever is left of them is stopped
 * (`stopped`), else they are `lost`.
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
    await store.write(await settle(record, store.outputFolder(record.id), deps));
  }));
}

async function settle(
  record: ProcessRecord,
  folder: string,
  deps: RecoveryDependencies,
): Promise<ProcessRecord> {
  // if the crash came between launch and record, the mark alone tells
  const tree = findTree({ leader: record.identity, mark: record.mark }, deps);
  const isThere = tree !== undefined && tree.members().length > 0;
  if (isThere) await stopTree(tree, { clock: deps.clock });
  const { end } = await openOutputLog(folder);
  return {
    ...record,
    state: isThere ? "stopped" : "lost",
    endedAtMs: deps.clock.wallMs(),
    outputBytes: end,
  };
}
