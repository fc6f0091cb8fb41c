import { ifExistsSync, lstatIfExistsSync } from "../core/files.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import type { Config } from "../config/schema.ts";
import type { ConfigurableLog } from "../core/log.ts";
import type { PreparedChange } from "./settings.ts";

interface LogFileOptions {
  readonly path: string;
  /** The file is rotated before it would exceed this size. */
  readonly rotateBytes: number;
  /** Number of rotated files to keep; `PATH.1` is the newest. */
  readonly rotateKeep: number;
  /** Called once when lines begin to be lost. */
  readonly onFault: (message: string) => void;
}

const MODE = 0o640;

export class LogFileError extends SentinelError {
  constructor(path: string, cause: unknown) {
    super("config.log_file", `log file cannot be opened: ${path} (${describeError(cause)})`, {
      cause,
    });
  }
}

/**
 * A log file of limited size. `write()` passes each line to the kernel before it returns, so that a crash loses none. Lines
 * that do not fit on a full disk are counted, and the next line that fits reports them.
 */
export class LogFile implements Disposable {
  readonly #utf8 = new TextEncoder();
  #options: LogFileOptions;
  #file: Deno.FsFile | undefined;
  #inode: number | null = null;
  #bytes = 0;
  #lost = 0;
  /** False after a failed rotation, which would otherwise be tried again for each line. */
  #mayRotate = true;

  /** @throws {LogFileError} */
  constructor(options: LogFileOptions) {
    this.#options = options;
    try {
      this.#open();
    } catch (error) {
      throw new LogFileError(options.path, error);
    }
  }

  /** Writes a line; never throws. */
  write(line: string): void {
    try {
      this.#append(this.#lost > 0 ? `${this.#lost} lines of this log were lost\n${line}` : line);
      this.#lost = 0;
    } catch (error) {
      const { path, onFault } = this.#options;
      if (this.#lost++ === 0) onFault(`log cannot be written: ${path} (${describeError(error)})`);
    }
  }

  /** Opens the file again, in case another program has moved or removed it. */
  reopen(): void {
    try {
      this[Symbol.dispose]();
      this.#open();
      this.#mayRotate = true;
    } catch (error) {
      const { path, onFault } = this.#options;
      onFault(`log cannot be opened: ${path} (${describeError(error)})`);
    }
  }

  configure(limits: Pick<LogFileOptions, "rotateBytes" | "rotateKeep">): void {
    this.#options = { ...this.#options, ...limits };
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #append(line: string): void {
    const bytes = this.#utf8.encode(line + "\n");
    const isFull = this.#bytes > 0 && this.#bytes + bytes.length > this.#options.rotateBytes;
    if (isFull && this.#mayRotate) this.#rotate();
    const file = this.#file ??= this.#open();
    let rest = bytes;
    try {
      while (rest.length > 0) rest = rest.subarray(file.writeSync(rest));
      this.#bytes += bytes.length;
    } catch (error) {
      // removes a partial line, which would merge with the next one
      if (rest.length < bytes.length) file.truncateSync(this.#bytes);
      throw error;
    }
  }

  #open(): Deno.FsFile {
    const { path } = this.#options;
    refuseForeignLink(path);
    const file = Deno.openSync(path, { append: true, create: true, mode: MODE });
    const { size, ino } = file.statSync();
    this.#bytes = size;
    this.#inode = ino;
    return this.#file = file;
  }

  /** If the rotation fails, for example in another user's folder, the file keeps growing. */
  #rotate(): void {
    this[Symbol.dispose]();
    let fault: unknown;
    try {
      this.#shiftFiles();
    } catch (error) {
      fault = error;
      this.#mayRotate = false;
    }
    this.#open();
    if (fault === undefined) return;
    this.#append(`this log cannot be rotated and keeps growing (${describeError(fault)})`);
  }

  /** Has no effect if another program has moved the file. */
  #shiftFiles(): void {
    const { path, rotateKeep } = this.#options;
    if (readInode(path) !== this.#inode) return;
    for (let i = rotateKeep - 1; i >= 1; i--) {
      ifExistsSync(() => Deno.renameSync(`${path}.${i}`, `${path}.${i + 1}`));
    }
    if (rotateKeep === 0) Deno.removeSync(path);
    else Deno.renameSync(path, `${path}.1`);
  }
}

/** Accepts links of root and of this user, such as `/dev/stderr`. Another user's link could redirect the log. */
function refuseForeignLink(path: string): void {
  const info = lstatIfExistsSync(path);
  if (!info?.isSymlink || [0, null, Deno.uid()].includes(info.uid)) return;
  throw new Error(`it is a link that belongs to user ${info.uid}`);
}

function readInode(path: string): number | null | undefined {
  return lstatIfExistsSync(path)?.ino;
}

/** Directs the log by `[logging]`. The file stays open until the process ends, for the last lines. */
export class DaemonLog {
  readonly #log: ConfigurableLog;
  readonly #writeToStream: (line: string) => void;
  #path: string | undefined;
  #file: LogFile | undefined;

  constructor(log: ConfigurableLog) {
    this.#log = log;
    this.#writeToStream = log.settings.write;
  }

  /**
   * Opens a new log file; if the path has not changed, applying the change opens the same file again.
   *
   * @throws {LogFileError}
   */
  prepare({ logging }: Pick<Config, "logging">): PreparedChange {
    const { file: path, rotate_bytes: rotateBytes, rotate_keep: rotateKeep } = logging;
    const isSame = path === this.#path;
    let opened = isSame || path === undefined
      ? undefined
      : new LogFile({ path, rotateBytes, rotateKeep, onFault: this.#writeToStream });
    return {
      apply: () => {
        if (isSame) {
          this.#file?.configure({ rotateBytes, rotateKeep });
          this.#file?.reopen();
        } else this.#replace(path, opened);
        opened = undefined;
        const file = this.#file;
        const write = file === undefined ? this.#writeToStream : (line: string) => file.write(line);
        this.#log.configure({ level: logging.level, format: logging.format, write });
        return Promise.resolve();
      },
      [Symbol.asyncDispose]: () => Promise.resolve(opened?.[Symbol.dispose]()),
    };
  }

  #replace(path: string | undefined, file: LogFile | undefined): void {
    this.#file?.[Symbol.dispose]();
    this.#file = file;
    this.#path = path;
  }
}
