import type { Clock } from "../core/clock.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import { type FileLock, lockFile, releaseLock } from "../core/file_lock.ts";
import { readAtMost, writeAll } from "../core/files.ts";
import { selectPlatform } from "../platform/select.ts";

/** Readable by others, so that they can find the pid. */
const MODE = 0o644;

/** Readers hold the lock for a moment ({@linkcode readPidFile}), so taking it is retried. */
const PROBE_RETRIES = 5, PROBE_MS = 10;

/** More than any pid with a line end. */
const MAX_BYTES = 32;

/** Another daemon holds the PID file (exit status 85). */
export class AlreadyRunningError extends SentinelError {
  constructor(readonly pid: number | undefined) {
    super("running.daemon", `another sentinel is running (pid ${pid ?? "unknown"})`);
  }
}

export class PidFileError extends SentinelError {
  constructor(path: string, why: string, cause?: unknown) {
    super("config.pid_file", `PID file cannot be used: ${path} (${why})`, { cause });
  }
}

/** The content of a PID file and its owner; `undefined` if unknown. */
interface PidFileContent {
  readonly pid: number | undefined;
  readonly owner: number | undefined;
}

/** `running` if the PID file is locked; an unlocked file means nothing. */
type PidFileReading =
  | ({ readonly kind: "running" } & PidFileContent)
  | { readonly kind: "absent" };

/** The PID file of this process, locked until it ends (flock(2)). */
export class PidFile implements AsyncDisposable {
  readonly path: string;
  readonly #lock: FileLock;
  #removed: Promise<void> | undefined;

  private constructor(path: string, lock: FileLock) {
    this.path = path;
    this.#lock = lock;
  }

  /**
   * Creates the file, or takes over an unlocked one, and writes `pid` to it.
   *
   * @throws {AlreadyRunningError} if another process holds it.
   * @throws {PidFileError} if it is a link, not a regular file, another user's, or cannot be written.
   */
  static async take(
    path: string,
    { pid, ownUser, clock }: { pid: number; ownUser: number; clock: Pick<Clock, "sleep"> },
  ): Promise<PidFile> {
    let outcome = await lockFile(path, { ownUser, mode: MODE });
    for (let i = 0; outcome.kind === "taken" && i < PROBE_RETRIES; i++) {
      await clock.sleep(PROBE_MS);
      outcome = await lockFile(path, { ownUser, mode: MODE });
    }
    if (outcome.kind === "taken") throw new AlreadyRunningError((await readContent(path)).pid);
    if (outcome.kind === "unusable") throw new PidFileError(path, outcome.why, outcome.cause);
    const { lock } = outcome;
    try {
      await lock.file.truncate();
      await writeAll(lock.file, new TextEncoder().encode(`${pid}\n`));
      return new PidFile(path, lock);
    } catch (error) {
      await lock.removeAndRelease();
      throw new PidFileError(path, describeError(error), error);
    }
  }

  /**
   * Removes the file if it is still this one, or empties it if its folder is not writable. The lock is held until the
   * process ends, which `daemon stop` waits for.
   */
  async remove(): Promise<void> {
    try {
      await this.#lock.remove();
    } catch (error) {
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
      await this.#lock.file.truncate();
    }
  }

  /** Removes the file and releases the lock. May be called twice. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#removed ??= this.remove().finally(() => this.#lock.release());
  }
}

/** @throws {PidFileError} if the path cannot be read or is not a regular file. */
export async function readPidFile(path: string): Promise<PidFileReading> {
  let file: Deno.FsFile;
  try {
    // opening a FIFO would wait for a writer
    if (!(await Deno.stat(path)).isFile) throw new PidFileError(path, "it is not a file");
    file = await Deno.open(path);
  } catch (error) {
    if (error instanceof PidFileError) throw error;
    if (error instanceof Deno.errors.NotFound) return { kind: "absent" };
    throw new PidFileError(path, describeError(error), error);
  }
  try {
    // a shared lock, so that two readers do not take each other for the daemon
    const isFree = await file.tryLock(false);
    return isFree ? { kind: "absent" } : { kind: "running", ...await readContent(path) };
  } finally {
    releaseLock(file);
  }
}

/** The pid is `undefined` while a starting daemon has not written it yet. Reads pid and owner from one open file. */
async function readContent(path: string): Promise<PidFileContent> {
  try {
    using file = await Deno.open(path);
    const { uid } = await file.stat();
    // Windows has no uids, and its locks prevent reading through another handle
    const bytes = uid === null
      ? await selectPlatform().readLocked(path)
      : await readAtMost(file, MAX_BYTES + 1);
    const text = new TextDecoder().decode(bytes);
    const digits = bytes.length > MAX_BYTES ? undefined : /^(\d+)\n$/.exec(text)?.[1];
    return { pid: digits === undefined ? undefined : Number(digits), owner: uid ?? undefined };
  } catch {
    return { pid: undefined, owner: undefined };
  }
}
