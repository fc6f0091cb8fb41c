import { withDeadline } from "../core/clock.ts";
import type { Env } from "../core/process.ts";
import type { Host } from "../platform/host.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import { waitForLock } from "../core/file_lock.ts";
import { findWait } from "./restart_backoff.ts";
import { readPidFile } from "./pid_file.ts";
import { type IpcMessage, requestIpc } from "../ipc/client.ts";
import { IpcClientError } from "../ipc/errors.ts";
import type { Platform } from "../platform/contract.ts";
import { getFileName } from "../core/paths.ts";

/** No process holds the lock on the PID file (exit status 87). */
export class NotRunningError extends SentinelError {
  constructor() {
    super("absent.daemon", "sentinel daemon not running");
  }
}

/** The daemon answered with an error; its code decides the exit status. */
class DaemonRefusal extends SentinelError {
  override readonly details: readonly string[];

  constructor({ error, code, details }: Readonly<Record<string, unknown>>) {
    super(typeof code === "string" ? code : "absent.answer", String(error));
    this.details = Array.isArray(details) ? details.map(String) : [];
  }
}

/** A service waits until it asks the license server again (exit status 87). */
class WaitingError extends SentinelError {
  constructor(pid: number, wait: string) {
    super("absent.waiting", `sentinel daemon (pid ${pid}) waits: ${wait}`);
  }
}

interface DaemonControlOptions extends Pick<Host, "platform" | "clock"> {
  readonly pidFile: string;
  /** Sockets that may be the daemon's, the most likely first. */
  readonly findSockets: () => Promise<readonly string[]>;
  readonly kill: (pid: number, signal: Deno.Signal) => void;
}

/** The daemon's answer, or the signal that was sent instead of a request. */
type ControlOutcome =
  | { readonly kind: "answered"; readonly answer: Readonly<Record<string, unknown>> }
  | { readonly kind: "signaled"; readonly signal: Deno.Signal };

/** Controls a running daemon over its socket, or by a signal if the socket does not answer. */
export class DaemonControl {
  readonly #options: DaemonControlOptions;

  constructor(options: DaemonControlOptions) {
    this.#options = options;
  }

  /** @throws {NotRunningError} */
  async pid(): Promise<number> {
    return (await this.#read()).pid;
  }

  async #read(): Promise<{ pid: number; owner: number | undefined }> {
    const reading = await readPidFile(this.#options.pidFile);
    if (reading.kind === "absent") throw new NotRunningError();
    const { pid, owner } = reading;
    if (pid !== undefined) return { pid, owner };
    throw new SentinelError(
      "absent.pid",
      `${this.#options.pidFile} is locked, but contains no pid`,
    );
  }

  /**
   * Calls a control method.
   *
   * @param signal Sent if no socket of the daemon answers.
   * @throws {NotRunningError}
   * @throws {DaemonRefusal}
   */
  async ask(method: string, signal: Deno.Signal | undefined): Promise<ControlOutcome> {
    const { pid, owner } = await this.#read();
    const socket = await this.#findSocket(pid);
    if (socket !== undefined) {
      const { value } = await this.#request(socket, method);
      if (value["status"] === "error") throw new DaemonRefusal(value);
      return { kind: "answered", answer: value };
    }
    const wait = await findWait({
      pidFile: this.#options.pidFile,
      nowMs: this.#options.clock.wallMs(),
    });
    if (wait !== undefined && signal === undefined) throw new WaitingError(pid, wait);
    // without Unix signals, any signal would kill the daemon
    if (signal === undefined || !this.#options.platform.hasUnixSignals) {
      throw new IpcClientError("absent.socket");
    }
    await this.#requireOwner(pid, owner);
    this.#kill(pid, signal);
    return { kind: "signaled", signal };
  }

  /**
   * Stops the daemon and waits for its end.
   *
   * @throws {NotRunningError}
   * @throws {SentinelError} `absent.stop` if it does not stop in time.
   */
  async stop(timeoutMs: number): Promise<void> {
    await this.pid();
    using ended = await waitForLock(this.#options.pidFile);
    await this.ask("stop", "SIGTERM");
    const isEnded = await withDeadline(ended.locked.then(() => true), {
      clock: this.#options.clock,
      ms: timeoutMs,
      late: () => false,
    });
    if (!isEnded) {
      throw new SentinelError("absent.stop", `sentinel daemon did not stop within ${timeoutMs} ms`);
    }
  }

  /** Prevents a user's PID file from making root signal another user's process. */
  async #requireOwner(pid: number, owner: number | undefined): Promise<void> {
    const { platform, pidFile } = this.#options;
    if (platform.userId() !== "0" || owner === 0) return;
    const user = (await platform.privileges())?.userOf(pid);
    if (user !== undefined && user === owner) return;
    throw new SentinelError(
      "permission.signal",
      `refusing to signal sentinel daemon: ${pidFile} belongs to user ${owner}, process ${pid} does not`,
    );
  }

  #kill(pid: number, signal: Deno.Signal): void {
    try {
      this.#options.kill(pid, signal);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) throw new NotRunningError();
      throw new SentinelError(
        "permission.signal",
        `sentinel daemon (pid ${pid}) cannot be signaled: ${describeError(error)}`,
      );
    }
  }

  async #findSocket(pid: number): Promise<string | undefined> {
    for (const path of await this.#options.findSockets()) {
      try {
        const { value } = await this.#request(path, "status");
        if (value["sentinel_pid"] === pid) return path;
      } catch (error) {
        if (!(error instanceof IpcClientError)) throw error;
      }
    }
    return undefined;
  }

  #request(path: string, method: string): Promise<IpcMessage> {
    const { clock, platform } = this.#options;
    return requestIpc({ path, method, clock, platform });
  }
}

/** Determines where a daemon's files are. */
export interface DaemonPathOptions {
  readonly platform: Pick<Platform, "runtimeFolder" | "userId">;
  readonly env: Env;
  /** This machine's folder in the state folder, used if there is no runtime folder. */
  readonly stateFolder: () => Promise<string>;
}

/** The user as which root starts a daemon. */
export interface DaemonUser {
  readonly userId: number;
  /** The daemon's chroot. */
  readonly rootFolder: string | undefined;
  /** Whether `XDG_RUNTIME_DIR` belongs to this user. */
  readonly hasRuntimeFolder: boolean;
}

/** Parent of the runtime directories of root's own daemons, which have their software's name. */
export const SYSTEM_DIRECTORY = "/run/sentinel";

/** Followed by a user id: the runtime directory of the daemons that root starts as that user. */
export const USER_DIRECTORY_PREFIX = "/run/sentinel-";

/**
 * Chooses the PID file of a software's daemon, named after the software so that several daemons can run side by side.
 *
 * @param otherUser Set if root starts the daemon as another user.
 */
export async function chooseDefaultPidFile(
  softwarePath: string,
  { platform, env, stateFolder, otherUser }: DaemonPathOptions & {
    readonly otherUser?: DaemonUser | undefined;
  },
): Promise<string> {
  const name = getFileName(softwarePath);
  if (otherUser !== undefined && !otherUser.hasRuntimeFolder) {
    const { rootFolder = "", userId } = otherUser;
    return `${rootFolder}${USER_DIRECTORY_PREFIX}${userId}/${name}.pid`;
  }
  const systemFolder = platform.userId() === "0" ? `${SYSTEM_DIRECTORY}/${name}` : undefined;
  const runtimeFolder = platform.runtimeFolder(env) ?? systemFolder;
  const folder = runtimeFolder === undefined ? await stateFolder() : `${runtimeFolder}/sentinel`;
  return `${folder}/${name}.pid`;
}
