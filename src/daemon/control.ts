import { withDeadline } from "../core/clock.ts";
import type { Env } from "../core/process.ts";
import type { Host } from "../platform/host.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import { waitForLock } from "../core/file_lock.ts";
import { readPidFile } from "./pid_file.ts";
import { type IpcMessage, requestIpc } from "../ipc/client.ts";
import { IpcClientError } from "../ipc/errors.ts";
import type { Platform } from "../platform/contract.ts";
import { nameOf } from "../core/paths.ts";

/** Nobody holds the PID file (exit status 87). */
export class NotRunningError extends SentinelError {
  constructor() {
    super("absent.daemon", "sentinel daemon not running");
  }
}

/** What the daemon answered is no success; its code decides the exit status. */
class DaemonRefusal extends SentinelError {
  override readonly details: readonly string[];

  constructor({ error, code, details }: Readonly<Record<string, unknown>>) {
    super(typeof code === "string" ? code : "absent.answer", String(error));
    this.details = Array.isArray(details) ? details.map(String) : [];
  }
}

interface DaemonControlOptions extends Pick<Host, "platform" | "clock"> {
  readonly pidFile: string;
  /** Sockets that may be the daemon's, the likeliest first. */
  readonly findSockets: () => Promise<readonly string[]>;
  /** Signals a process. */
  readonly kill: (pid: number, signal: Deno.Signal) => void;
}

/** What came of a request: the daemon's answer, or that all it got was a signal, which is not answered. */
type ControlOutcome =
  | { readonly kind: "answered"; readonly answer: Readonly<Record<string, unknown>> }
  | { readonly kind: "signaled"; readonly signal: Deno.Signal };

/** Asks a running daemon: over its socket, and where that does not answer us by a signal. */
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
      `${this.#options.pidFile} is held, but does not say by whom`,
    );
  }

  /**
   * Asks a method.
   *
   * @param signal Sent where no socket of the daemon answers us.
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
    // where there are no signals, all that they could do is kill
    if (signal === undefined || !this.#options.platform.hasUnixSignals) {
      throw new IpcClientError("absent.socket");
    }
    await this.#requireOwner(pid, owner);
    this.#kill(pid, signal);
    return { kind: "signaled", signal };
  }

  /**
   * Asks the daemon to stop and waits until it has.
   *
   * @throws {NotRunningError}
   * @throws {SentinelError} `absent.stop` where it has not in time.
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
      throw new SentinelError("absent.stop", `sentinel daemon has not stopped in ${timeoutMs} ms`);
    }
  }

  /** A user whose PID file root reads must not choose whom root signals. */
  async #requireOwner(pid: number, owner: number | undefined): Promise<void> {
    const { platform, pidFile } = this.#options;
    if (platform.userId() !== "0" || owner === 0) return;
    const user = (await platform.privileges())?.userOf(pid);
    if (user !== undefined && user === owner) return;
    throw new SentinelError(
      "permission.signal",
      `sentinel daemon is not signaled: ${pidFile} belongs to user ${owner}, process ${pid} does not`,
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

/** What is known of a daemon from its configuration. */
export interface DaemonPlaceOptions {
  readonly platform: Pick<Platform, "runtimeFolder" | "userId">;
  readonly env: Env;
  /** Where state is kept, should there be no folder for what runs. */
  readonly stateFolder: () => string;
}

/** Whose daemons root starts, and with which root folder. */
export interface OtherUser {
  readonly userId: number;
  readonly rootFolder: string | undefined;
  /** Whether the login session's folder is this user's. */
  readonly hasRuntimeFolder: boolean;
}

/** Where the system's own daemons have a folder each, by their software's name. */
export const SYSTEM_FOLDER = "/run/sentinel";

/** Where those that root starts as another user have theirs: a folder of each user's own, its id behind this. */
export const USERS_FOLDERS = "/run/sentinel-";

/**
 * The PID file of the daemon of a software: it bears its name, so that several can run side by side.
 *
 * @param otherUser Whom it runs as, where root starts it as somebody else.
 */
export function defaultPidFile(
  softwarePath: string,
  { platform, env, stateFolder, otherUser }: DaemonPlaceOptions & {
    readonly otherUser?: OtherUser | undefined;
  },
): string {
  const name = nameOf(softwarePath);
  if (otherUser !== undefined && !otherUser.hasRuntimeFolder) {
    const { rootFolder = "", userId } = otherUser;
    return `${rootFolder}${USERS_FOLDERS}${userId}/${name}.pid`;
  }
  const systemFolder = platform.userId() === "0" ? `${SYSTEM_FOLDER}/${name}` : undefined;
  const runtimeFolder = platform.runtimeFolder(env) ?? systemFolder;
  const folder = runtimeFolder === undefined ? stateFolder() : `${runtimeFolder}/sentinel`;
  return `${folder}/${name}.pid`;
}
