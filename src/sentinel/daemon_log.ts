import type { Config } from "../config/schema.ts";
import type { ConfigurableLog } from "../core/log.ts";
import { LogFile } from "../daemon/log_file.ts";
import type { PreparedChange } from "./prepared_change.ts";

/** Sends a log where `[logging]` says. A file stays open until the process ends, so that the last words are in it. */
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
   * Opens another file; the one that is written to already is opened anew when the change is applied.
   *
   * @throws {LogFileError} where there is a file that cannot be opened.
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
