import type { Clock } from "../core/clock.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import { type FileLock, lockFile, releaseLock } from "../core/file_lock.ts";
import { readAtMost, writeAll } from "../core/files.ts";
import { selectPlatform } from "../platform/select.ts";

/** Others may read whom to signal. */
const MODE = 0o644;

/** Who only looks holds the lock for a moment ({@linkcode readPidFile}); that is waited for. */
const LOOKS_OF_OTHERS = 5, LOOK_MS = 10;

/** A pid and a line end; what is longer is none. */
const MAX_BYTES = 32;

/** Another daemon has the PID file (exit status 85). */
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

/** What a PID file holds, and the user whose word that is; `undefined` where there is none. */
interface PidFileContent {
  readonly pid: number | undefined;
  readonly owner: number | undefined;
}

/** Who runs, as a PID file tells: the lock says whether anybody does, not the file's presence. */
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
   * Makes the file, or takes over one that nobody holds.
   *
   * @param pid What it is to hold.
   * @throws {AlreadyRunningError} where somebody else holds it.
   * @throws {PidFileError} where it is a link, no file, another user's, or cannot be written.
   */
  static async take(
    path: string,
    { pid, ownUser, clock }: { pid: number; ownUser: number; clock: Pick<Clock, "sleep"> },
  ): Promise<PidFile> {
    let outcome = await lockFile(path, { ownUser, mode: MODE });
    for (let i = 0; outcome.kind === "taken" && i < LOOKS_OF_OTHERS; i++) {
      await clock.sleep(LOOK_MS);
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
   * Removes the file, if it is still ours; empties it where its folder is another's. The lock stays until the end of the
   * process, for those who wait for that.
   */
  async remove(): Promise<void> {
    try {
      await this.#lock.remove();
    } catch (error) {
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
      await this.#lock.file.truncate();
    }
  }

  /** Removes the file as {@linkcode remove}, and lets go of the lock. May be called twice. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#removed ??= this.remove().finally(() => this.#lock.release());
  }
}

/** @throws {PidFileError} where there is something that cannot be read, or is no file. */
export async function readPidFile(path: string): Promise<PidFileReading> {
  let file: Deno.FsFile;
  try {
    // a pipe's opening would wait for a writer
    if (!(await Deno.stat(path)).isFile) throw new PidFileError(path, "it is not a file");
    file = await Deno.open(path);
  } catch (error) {
    if (error instanceof PidFileError) throw error;
    if (error instanceof Deno.errors.NotFound) return { kind: "absent" };
    throw new PidFileError(path, describeError(error), error);
  }
  try {
    // shared: two who look at once must not take each other for the daemon
    const isFree = await file.tryLock(false);
    return isFree ? { kind: "absent" } : { kind: "running", ...await readContent(path) };
  } finally {
    releaseLock(file);
  }
}

/** No pid where it holds none: one that takes the file is about to write. Both are of one file, whatever is put there. */
async function readContent(path: string): Promise<PidFileContent> {
  try {
    using file = await Deno.open(path);
    const { uid } = await file.stat();
    // without uids there are locks that this file cannot be read through
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
