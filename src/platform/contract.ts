import type { Env, ProcessIdentity } from "../core/process.ts";
import type { AcceptedPeers, LocalPipes, PeerCredentials } from "./local_socket.ts";
import type { ProcessControl, ProcessSignal } from "./process_contract.ts";
import type { FingerprintSources } from "./hardware_ids.ts";
import type {
  CredentialStore,
  CredentialStoreDependencies,
  CredentialStoreKind,
} from "./secret_tool.ts";
import type { PrivilegeControl } from "./process_contract.ts";

/** A reading of the clock that starts with the boot, goes on in suspension and that nobody can set. */
export interface BootReading {
  /** Changes with every boot; empty where the system tells no boot from another. */
  readonly bootId: string;
  /** Whole milliseconds since the boot. */
  readonly bootMs: number;
}

/** Something around this process that points at tampering, in plain words for the vendor's support. */
export interface Surrounding {
  readonly kind: "debugger" | "preload" | "executable_changed";
  readonly message: string;
  /** What was seen, and where. */
  readonly evidence: string;
}

/** Looks at what surrounds this process. */
export interface TamperChecks {
  /** All that is wrong at this moment. */
  look(): Promise<Surrounding[]>;
}

/** Seals small secrets for this user of this machine; what is sealed may lie in a file. */
export interface DataProtection {
  readonly kind: "dpapi";
  /** `undefined` where the system does not. */
  seal(secret: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined;
  /** `undefined` where it is not ours, or not whole. */
  open(sealed: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined;
}

/** What a service tells of itself until it has ended. */
export type ServiceState = "starting" | "running" | "stopping";

/** Our part in a service manager that speaks with us by calls. */
export interface ServiceMembership {
  /** Aborted when it wants us to stop. */
  readonly stopAsked: AbortSignal;
  tell(state: ServiceState): void;
  /** The last word; `status` is our exit status. An end without it is a crash to the manager. */
  end(status: number): Promise<void>;
}

/** Services that are no files. */
export interface SystemServices {
  /** A service's description, which may be empty; `undefined` where there is no such service. */
  describe(name: string): string | undefined;
  /** Has sc.exe change something; its exit status, a number of winerror.h. */
  change(args: readonly string[]): Promise<number>;
  /** `undefined` where no service manager started us. */
  join(): Promise<ServiceMembership | undefined>;
}

/** A few bytes under a name, which the system keeps for the user in no file; they may be gone at any time. */
export interface UserKeyring {
  read(name: string): Uint8Array<ArrayBuffer> | undefined;
  write(name: string, content: Uint8Array<ArrayBuffer>): void;
  remove(name: string): void;
}

/** A program to be started on our console, with our streams. */
export interface ConsoleProgram {
  readonly path: string;
  readonly args: readonly string[];
  /** On top of our own environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Ours where there is none. */
  readonly cwd: string | undefined;
}

/** A process on our console that leads a process group of its own. */
export interface ConsoleChild {
  readonly pid: number;
  /** Its exit status; never rejects. */
  readonly exited: Promise<number>;
  /** What the console tells it as well as us. */
  readonly hears: readonly Deno.Signal[];
}

/** Signals that a process group is sent; 0 only asks whether it is there. */
export type GroupSignal = ProcessSignal | 0;

/** What a program does at a signal; `src/app/signals.ts` says which signal that is. */
export type SignalAction =
  | "stop"
  | "reload"
  | "write_statistics"
  | "toggle_debug"
  | "reap"
  | "resize"
  | "ignore";

/** Calls the listener on each signal that has the action, until the function that it returns is called. */
export type OnSignal = (
  action: SignalAction,
  listener: (signal: Deno.Signal) => void,
) => () => void;

/** A listening TCP socket of ours, seen below the runtime. */
export interface ListeningSocket {
  /** Whether a connection waits to be accepted. */
  hasWaiting(): boolean;
  /** Another descriptor of it, for the caller to close; `undefined` if there is none left. */
  duplicate(): { readonly fd: number; readonly socket: ListeningSocket } | undefined;
}

/** What differs between systems. Each has one file that fulfills this; `select.ts` chooses. */
export interface Platform {
  /** The system and architecture as the license server's wire format names them. */
  readonly wireName: `${"LINUX" | "WINDOWS" | "DARWIN"}_${"AMD64" | "ARM64"}`;
  /** What programs of this system are. */
  readonly programFormat: "ELF" | "Mach-O" | "PE";
  /** A number or SID that tells this user from the machine's others. */
  userId(): string;
  /** What tells this machine from others and does not change, where the system has such a thing. */
  machineId(): Promise<string | undefined>;
  /** The folder for state and keys: absolute, not necessarily there. `undefined` where no home is known. */
  defaultStateFolder(env: Env): string | undefined;
  /** A folder for what is to be found when the state folder was put back; it need not be there. */
  replicaFolder(env: Env): string | undefined;
  /** The folder for sockets that belong to this login session, where there is one. */
  runtimeFolder(env: Env): string | undefined;
  /** The safe for secrets that may answer in this session, if there is one; looking costs nothing. */
  announcedCredentialStore(env: Env): CredentialStoreKind | undefined;
  /** The safe for this user's secrets; `undefined` where the system has none, or it cannot be used yet. */
  openCredentialStore(deps: CredentialStoreDependencies): Promise<CredentialStore | undefined>;
  /** What seals the user's secrets, where the system has that. */
  readonly dataProtection?: DataProtection | undefined;
  /** A keyring for this user; `undefined` where the system has none. What it forbids is done without. */
  userKeyring(): UserKeyring | undefined;
  /** Keeps bytes out of swap space and dumps, where the system allows it, until they are disposed of, which wipes them. */
  guardMemory(bytes: Uint8Array<ArrayBuffer>): Disposable;
  /** How this very process was started, its arguments included; `undefined` where the system does not tell. */
  commandLine(): readonly string[] | undefined;
  /** From now on standard input is empty and nobody hears what is written to the other two (null(4)). */
  dropStreams(): void;
  /** Tells the service manager something, where there is one that listens at this address (sd_notify(3)); false where not. */
  notifyService(address: string, text: string): boolean;
  /** Turns core dumps off and keeps other processes of the same user out of our memory. */
  protectMemory(): void;
  /**
   * Has the runtime let no debugger in at SIGUSR1, which nobody can listen for then. For the life of the process; to be called
   * once.
   *
   * @returns Whether we may.
   */
  keepInspectorShut(): boolean;
  /** Lets no debugger in any more; where the runtime let one in until now, `undefined` where it did not. */
  shutInspector(): Promise<string | undefined>;
  readBootClock(): BootReading;
  /** Notes how things are now, to be held against how they are later. */
  openTamperChecks(
    env: Env,
  ): Promise<TamperChecks>;
  /** What tells a process from a later one with the same pid, or `undefined` where it is gone. */
  identifyProcess(pid: number): Promise<ProcessIdentity | undefined>;
  /** Whether `pid` is the process or one that it has brought forth; false where either is gone. */
  isDescendant(pid: number, ancestor: ProcessIdentity): boolean;
  /**
   * What tells the file at a path from every other one, and from itself before a change of its content, rights or names:
   * compared as a whole, kept by nobody. `undefined` where there is none, or we may not look.
   */
  fileVersion(path: string): string | undefined;
  /** Takes rights from the files that we make from now on (umask(2)); nothing where files have none. */
  setUmask(mask: number): void;
  /** Reads a small file, also while somebody has it locked. */
  readLocked(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Puts a file in another's place, which survives a power failure; whoever looks finds one of the two. */
  replaceFile(from: string, to: string): Promise<void>;
  /** Has the removal of a file survive a power failure. */
  syncFolder(path: string): Promise<void>;
  /** Where this machine's components are read from, for a hardware fingerprint; reading is up to the caller. */
  fingerprintSources(): Promise<FingerprintSources>;
  /** Absent where local sockets are files. */
  readonly pipes?: LocalPipes | undefined;
  /** Absent where a service is a file; loaded only when asked for. */
  readonly services?: (() => Promise<SystemServices>) | undefined;
  /**
   * Starts a program in a process group of its own on our console, where that is not the runtime's part; `undefined` where
   * there is no console, or it cannot be started.
   */
  readonly spawnOnConsole?: ((program: ConsoleProgram) => ConsoleChild | undefined) | undefined;
  /** Whether signals such as SIGCHLD and SIGUSR1 are there to be listened for. */
  readonly hasUnixSignals: boolean;
  /** The longest path a local socket can have, in bytes. */
  readonly maxSocketPathBytes: number;
  /** Our listener at a TCP port; loaded only when asked for. Absent where a listener cannot be looked at. */
  readonly listeningSocket?: ((port: number) => Promise<ListeningSocket | undefined>) | undefined;
  /** Starts telling the peers of a listener apart; `path` is the address it is bound to. */
  acceptedPeers(path: string): AcceptedPeers;
  /** Who serves the socket: one entry for each connection that this process has to the address `path`. */
  serversAt(path: string): PeerCredentials[];
  /**
   * From now on descendants whose parent ends become children of ours, so that none gets out of sight. For the life of
   * the process; may be called again.
   */
  adoptOrphans(): void;
  /** Whether this process has any child, adopted ones and those that have ended and were not waited for included. */
  hasChildren(): boolean;
  /** A child that has ended and was not waited for; whichever, where there are several. */
  endedChild(): number | undefined;
  /** What processes are found, signaled and reaped with; loaded only when asked for. */
  processControl(): Promise<ProcessControl>;
  /** What rights are given up with; loaded only when asked for. `undefined` where that is not supported. */
  privileges(): Promise<PrivilegeControl | undefined>;
  /** Signals a process group, 0 only asks (kill(2)); false where it is gone. */
  signalGroup(leader: number, signal: GroupSignal): boolean;
}
