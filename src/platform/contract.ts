import type { ProcessIdentity } from "../core/process_identity.ts";

/** What differs between systems. Each has one file that fulfils this; `select.ts` chooses. */
export interface Platform {
  /** The system and architecture as the licence server's wire format names them. */
  readonly wireName: string;
  /** A number or SID that tells this user from the machine's others. */
  userId(): string;
  /** What tells this machine from others and does not change, where the system has such a thing. */
  machineId(): Promise<string | undefined>;
  /** The folder for state and keys: absolute, not necessarily there. `undefined` where no home is known. */
  defaultStateFolder(readVariable: (name: string) => string | undefined): string | undefined;
  /** The folder for sockets that belong to this login session, where there is one. */
  runtimeFolder(readVariable: (name: string) => string | undefined): string | undefined;
  /** Turns core dumps off and keeps other processes of the same user out of our memory. */
  protectMemory(): void;
  /** What tells a process from a later one with the same pid, or `undefined` where it is gone. */
  identifyProcess(pid: number): Promise<ProcessIdentity | undefined>;
  /** Signals a process group; false where it is gone. */
  signalGroup(leader: number, signal: "SIGTERM" | "SIGCONT" | "SIGKILL"): boolean;
}
