import type { ProcessIdentity } from "../core/process_identity.ts";

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
