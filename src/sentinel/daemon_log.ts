import type { Config } from "../config/schema.ts";
import type { ConfigurableLog } from "../core/log.ts";
import { LogFile } from "../daemon/log_file.ts";

/**
 * Sends the log where `[logging]` says. A file stays open until the process ends, so that the last words are in it.
 *
 * @returns Puts other settings into force, and opens the file anew.
 * @throws {LogFileError} where there is a file that cannot be opened.
 */
export function openDaemonLog(config: Config, log: ConfigurableLog): (config: Config) => void {
  const { write: writeToStream } = log.settings;
  let path: string | undefined;
  let file: LogFile | undefined;
  const apply = ({ logging }: Config) => {
    if (logging.file === path) {
      file?.configure({ rotateBytes: logging.rotate_bytes, rotateKeep: logging.rotate_keep });
      file?.reopen();
    } else {
      const before = file;
      file = logging.file === undefined ? undefined : new LogFile({
        path: logging.file,
        rotateBytes: logging.rotate_bytes,
        rotateKeep: logging.rotate_keep,
        onFault: writeToStream,
      });
      before?.[Symbol.dispose]();
      path = logging.file;
    }
    const { level, format } = logging;
    const write = file === undefined ? writeToStream : (line: string) => file?.write(line);
    log.configure({ level, format, write });
  };
  apply(config);
  return apply;
}
