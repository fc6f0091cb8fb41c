import type { ProcessIdentity } from "../core/process.ts";

/** The exact privileges of a process. */
export interface ProcessRights {
  readonly userId: number;
  readonly groupId: number;
  /** Supplementary groups, including `groupId`. */
  readonly groups: readonly number[];
  /** Capabilities to keep, by their names in capabilities(7); `undefined` leaves the bounding set unchanged. */
  readonly capabilities: readonly string[] | undefined;
  /** Whether execve(2) can never grant privileges (PR_SET_NO_NEW_PRIVS). */
  readonly noNewPrivileges: boolean;
  /** Root directory of the process (chroot(2)). */
  readonly rootFolder: string | undefined;
}

/** A program that replaces the running one under the same pid (execve(2)). */
export interface ProgramImage {
  readonly path: string;
  /** Arguments after the program's name. */
  readonly args: readonly string[];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Drops privileges and verifies the actual ones of this process. */
export interface PrivilegeControl {
  /** Tells whether all user ids of every thread are root's. */
  isRoot(): boolean;
  /**
   * Lists the differences between the privileges of all threads and the expected ones. If there are none, tries to regain
   * root and reports a success as a difference.
   */
  listDifferences(rights: ProcessRights): string[];
  /**
   * Checks that {@linkcode become} can succeed, without a change.
   *
   * @throws {SentinelError} `config.capability`, `config.chroot`, `permission.privileges`.
   */
  check(rights: ProcessRights, image: ProgramImage): void;
  /**
   * Applies the privileges to the calling thread and executes the program, so that they apply to every thread of it.
   *
   * @throws {SentinelError} `permission.privileges` A step failed. Earlier steps remain, so the process must exit.
   */
  become(rights: ProcessRights, image: ProgramImage): void;
  /** Returns the real user of a process; `undefined` if it has ended. */
  userOf(pid: number): number | undefined;
}

export type ProcessSignal =
  | "SIGHUP"
  | "SIGINT"
  | "SIGQUIT"
  | "SIGUSR1"
  | "SIGUSR2"
  | "SIGTERM"
  | "SIGWINCH"
  | "SIGSTOP"
  | "SIGCONT"
  | "SIGKILL";

export interface ListedProcess {
  readonly pid: number;
  readonly parent: number;
  /** Process group and session, as the pids of their leaders. */
  readonly group: number;
  readonly session: number;
  /** As in {@linkcode ProcessIdentity}. */
  readonly startTime: string;
  readonly state: "alive" | "uninterruptible" | "ended";
  /** Name of the program, truncated by the system (Linux: 15 bytes). */
  readonly name: string;
}

export type SignalOutcome = "sent" | "gone" | "denied";

/** Resource limits in the units of getrlimit(2); `undefined` leaves a limit unchanged. */
export interface ProcessLimits {
  /** Maximum number of open descriptors. */
  readonly openFiles?: number | undefined;
  readonly coreBytes?: number | undefined;
  readonly addressSpaceBytes?: number | undefined;
  /** Processes and threads of the user. */
  readonly processes?: number | undefined;
  readonly fileBytes?: number | undefined;
}

/** Finds, signals and reaps processes; checks the start time with each pid to exclude reuse. */
export interface ProcessControl {
  /** Lists all visible processes. */
  list(): ListedProcess[];
  /** Returns an identity that excludes pid reuse; `undefined` if the process has ended, also for a zombie. */
  identify(pid: number): ProcessIdentity | undefined;
  /** Changes with every boot. */
  bootId(): string | undefined;
  /** Signals this process, never a later one with its pid. */
  signal(process: Pick<ListedProcess, "pid" | "startTime">, signal: ProcessSignal): SignalOutcome;
  /** Signals the group that this process leads; `gone` if the leader has ended, even if members of its group remain. */
  signalGroup(
    leader: Pick<ListedProcess, "pid" | "startTime">,
    signal: ProcessSignal,
  ): SignalOutcome;
  /** Returns a variable of the process's initial environment; `undefined` if it cannot be read. */
  variable(pid: number, name: string): string | undefined;
  /** Whether the process is in a container below ours, whose paths are not ours. */
  isInContainer(pid: number): boolean;
  /** Reaps an adopted child; false if it still runs. Not for children that the runtime waits for. */
  reap(pid: number): boolean;
  /** Returns the resident memory; 0 if the process has ended. */
  residentBytes(pid: number): number;
  /** Sets soft and hard limits of a running process; returns the names of those that the system refused. */
  limit(pid: number, limits: ProcessLimits): (keyof ProcessLimits)[];
  /** Enlarges the pipe that a child writes to; ignores a refusal. */
  widenPipe(pid: number, descriptor: 1 | 2, bytes: number): void;
}
