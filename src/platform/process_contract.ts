import type { ProcessIdentity } from "../core/process.ts";

/** What a process is to be, and no more than that. */
export interface ProcessRights {
  readonly userId: number;
  readonly groupId: number;
  /** Supplementary groups, the group itself included. */
  readonly groups: readonly number[];
  /** Names of the capabilities that are left, as capabilities(7) has them; `undefined` leaves the bounding set as it is. */
  readonly capabilities: readonly string[] | undefined;
  /** Whether no program that is started may give more rights (PR_SET_NO_NEW_PRIVS). */
  readonly noNewPrivileges: boolean;
  /** The folder that is to be the root of the file system. */
  readonly rootFolder: string | undefined;
}

/** A program that takes the place of the one that runs, under the same pid (execve(2)). */
export interface ProgramImage {
  readonly path: string;
  /** Without the program's name. */
  readonly args: readonly string[];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Gives rights up, and tells which there are. What a check says is of the process as it is, not of what it was told. */
export interface PrivilegeControl {
  /** Whether all ids of the user are root's. */
  isRoot(): boolean;
  /**
   * In what this process, with every thread of it, is not what it is to be; nothing where it is, and cannot be root again.
   * Tries to be that, as a last test, where all else is right.
   */
  differences(rights: ProcessRights): string[];
  /**
   * Makes sure, changing nothing, that root can become this.
   *
   * @throws {SentinelError} `config.capability`, `config.chroot`, `permission.privileges`.
   */
  check(rights: ProcessRights, image: ProgramImage): void;
  /**
   * Takes the rights on and executes the program with them. The rights are the calling thread's, which is why the program
   * has to take our place: afterwards they are every thread's.
   *
   * @throws {SentinelError} `permission.privileges` where a step is refused. Some are done then: the process must end.
   */
  become(rights: ProcessRights, image: ProgramImage): void;
  /** The user that a process runs as; `undefined` where it is gone. */
  userOf(pid: number): number | undefined;
}

/** Signals by name, as signal(7) has them. */
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

/** A process as the system lists it. */
export interface ListedProcess {
  readonly pid: number;
  readonly parent: number;
  /** The process group and the session, each by its leader's pid. */
  readonly group: number;
  readonly session: number;
  /** As in {@linkcode ProcessIdentity}. */
  readonly startTime: string;
  readonly state: "alive" | "uninterruptible" | "ended";
  /** The program's name, cut by the system (Linux: 15 bytes). */
  readonly name: string;
}

/** What became of a signal. */
export type SignalOutcome = "sent" | "gone" | "denied";

/** Limits of a process, as getrlimit(2) counts them; `undefined` leaves what it has. */
export interface ProcessLimits {
  /** Descriptors that may be open. */
  readonly openFiles?: number | undefined;
  /** Size of a core dump. */
  readonly coreBytes?: number | undefined;
  readonly addressSpaceBytes?: number | undefined;
  /** Processes and threads of the user. */
  readonly processes?: number | undefined;
  /** Size of a file that it writes. */
  readonly fileBytes?: number | undefined;
}

/** Finds, signals and reaps processes; a pid is never trusted without its start time. */
export interface ProcessControl {
  /** Every process that can be seen. */
  list(): ListedProcess[];
  /** What tells a process from later ones with its pid; one that has ended is gone. */
  identify(pid: number): ProcessIdentity | undefined;
  /** Changes with every boot. */
  bootId(): string | undefined;
  /** Signals exactly this process, never a later one that got its pid. */
  signal(process: Pick<ListedProcess, "pid" | "startTime">, signal: ProcessSignal): SignalOutcome;
  /** Signals the group that this process leads; `gone` where the leader itself has ended, whoever is left of its group. */
  signalGroup(
    leader: Pick<ListedProcess, "pid" | "startTime">,
    signal: ProcessSignal,
  ): SignalOutcome;
  /** A variable of the environment that the process was started with; `undefined` where it cannot be told. */
  variable(pid: number, name: string): string | undefined;
  /** Takes note of the end of an adopted child; whether it had ended. Never for a child that the runtime waits for. */
  reap(pid: number): boolean;
  /** Resident memory in bytes; 0 where it is gone. */
  residentBytes(pid: number): number;
  /** Sets limits, soft and hard, of a running process; the names of those that the system refused. */
  limit(pid: number, limits: ProcessLimits): (keyof ProcessLimits)[];
  /** Makes the pipe that a child writes to larger; nothing where the system refuses. */
  widenPipe(pid: number, descriptor: 1 | 2, bytes: number): void;
}
