import type { Env, ProcessIdentity } from "../core/process.ts";
import type { AcceptedPeers, LocalPipes, PeerCredentials } from "./local_socket.ts";
import type { PrivilegeControl, ProcessControl, ProcessSignal } from "./process_contract.ts";
import type { FingerprintSources } from "./hardware_ids.ts";
import type {
  CredentialStore,
  CredentialStoreDependencies,
  CredentialStoreKind,
} from "./secret_tool.ts";

/** A reading of the clock since boot, which counts suspension and cannot be set. */
export interface BootReading {
  /** Changes with every boot; empty if the system has no boot id. */
  readonly bootId: string;
  /** Whole milliseconds since the boot. */
  readonly bootMs: number;
  /** Milliseconds that the machine slept since the boot; absent if the monotonic clock stands still meanwhile. */
  readonly sleptMs?: number;
}

/** A sign of tampering with this process, as text for the vendor's support. */
export interface TamperDetection {
  readonly kind:
    | "debugger"
    | "preload"
    | "executable_changed"
    | "clock_replaced"
    | "identity_covered"
    /** For the record: it may be an honest container. */
    | "user_namespace";
  readonly message: string;
  /** Observation and its place. */
  readonly evidence: string;
}

/** Checks this process for tampering. */
export interface TamperChecks {
  /** Returns everything detected now. */
  look(): Promise<TamperDetection[]>;
}

/** Encrypts small secrets for this user on this machine. */
export interface DataProtection {
  readonly kind: "dpapi";
  /** `undefined` if the system refuses. */
  seal(secret: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined;
  /** `undefined` if another user or machine sealed it, or it is damaged. */
  open(sealed: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined;
}

export type ServiceState = "starting" | "running" | "stopping";

/** Connection of this process to the Windows service control manager. */
export interface ServiceMembership {
  /** Aborted when the manager requests a stop. */
  readonly stopRequested: AbortSignal;
  report(state: ServiceState): void;
  /** Reports the end with this process's exit status. The manager treats an unreported end as a crash. */
  end(status: number): Promise<void>;
}

/** Services that the system keeps in a database (Windows). */
export interface SystemServices {
  /** Returns a service's description, which may be empty; `undefined` if the service does not exist. */
  describe(name: string): string | undefined;
  /** Runs sc.exe; resolves with its exit status, a number of winerror.h. */
  change(args: readonly string[]): Promise<number>;
  /** Resolves with `undefined` if no service manager started this process. */
  join(): Promise<ServiceMembership | undefined>;
}

/** Small named values that the system keeps for the user outside the file system, and may lose. */
export interface UserKeyring {
  read(name: string): Uint8Array<ArrayBuffer> | undefined;
  write(name: string, content: Uint8Array<ArrayBuffer>): void;
  remove(name: string): void;
  /** Absent if it may lose a value at any time. */
  readonly memory?: KeyringMemory | undefined;
}

/** How long a keyring keeps what it has. */
export interface KeyringMemory {
  /** Changes when the keyring becomes empty; `undefined` if the keyring does not answer. */
  period(): string | undefined;
  /** Whether values written by this process stay until then. */
  isLasting(): boolean;
  /** A value that was not written for so long is lost all the same. */
  readonly longestMs: number;
}

/** A program to start on this process's console, with its streams. */
export interface ConsoleProgram {
  readonly path: string;
  readonly args: readonly string[];
  /** Added to the inherited environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Inherited if `undefined`. */
  readonly cwd: string | undefined;
}

/** A process on this console that leads its own process group. */
export interface ConsoleChild {
  readonly pid: number;
  /** Its exit status; never rejects. */
  readonly exited: Promise<number>;
  /** Signals that the console sends to it as well as to this process. */
  readonly hears: readonly Deno.Signal[];
}

/** Signals for a process group; 0 only tests whether it exists. */
export type GroupSignal = ProcessSignal | 0;

/** A program's reaction to a signal; `src/app/signals.ts` maps signals to actions. */
export type SignalAction =
  | "stop"
  | "reload"
  | "write_statistics"
  | "toggle_debug"
  | "reap"
  | "resize"
  | "ignore";

/** Calls the listener on each signal with the action. The returned function ends that. */
export type OnSignal = (
  action: SignalAction,
  listener: (signal: Deno.Signal) => void,
) => () => void;

/** A listening TCP socket of this process, by its descriptor. */
export interface ListeningSocket {
  /** Tells whether a connection is waiting. */
  hasWaiting(): boolean;
  /** Duplicates the descriptor, for the caller to close; `undefined` if the process has none left. */
  duplicate(): { readonly fd: number; readonly socket: ListeningSocket } | undefined;
}

/** System-dependent functions: one implementation for each system, chosen by `select.ts`. */
export interface Platform {
  /** System and architecture in the license server's wire format. */
  readonly wireName: `${"LINUX" | "WINDOWS" | "DARWIN"}_${"AMD64" | "ARM64"}`;
  /** Format of executables. */
  readonly programFormat: "ELF" | "Mach-O" | "PE";
  /** Returns the user's id: a number, or a SID on Windows. */
  userId(): string;
  /** Resolves with the system's permanent machine id, if it has one. */
  machineId(): Promise<string | undefined>;
  /** Returns the absolute default folder for state and keys, which may not exist; `undefined` without a home directory. */
  defaultStateFolder(env: Env): string | undefined;
  /** Returns the folder of the state's outer replica, which may not exist. */
  replicaFolder(env: Env): string | undefined;
  /** Returns the folder for this login session's sockets, if there is one. */
  runtimeFolder(env: Env): string | undefined;
  /** Returns the credential store that this session announces, without contacting it. */
  announcedCredentialStore(env: Env): CredentialStoreKind | undefined;
  /** Opens the user's credential store; `undefined` if the system has none. */
  openCredentialStore(deps: CredentialStoreDependencies): Promise<CredentialStore | undefined>;
  /** Absent if the system has none. */
  readonly dataProtection?: DataProtection | undefined;
  /** Returns the user's keyring; `undefined` if the system has none. Its operations ignore refusals. */
  userKeyring(): UserKeyring | undefined;
  /** Keeps bytes out of swap space and core dumps if the system allows it. Disposal wipes them. */
  guardMemory(bytes: Uint8Array<ArrayBuffer>): Disposable;
  /** Returns this process's program and arguments; `undefined` if the system hides them. */
  commandLine(): readonly string[] | undefined;
  /** Redirects the standard streams to the null device (null(4)). */
  dropStreams(): void;
  /** Sends a notification to the service manager at this address (sd_notify(3)); false if none listens. */
  notifyService(address: string, text: string): boolean;
  /** Disables core dumps and closes this process's memory to other processes of the user. */
  protectMemory(): void;
  /**
   * Disables the inspector on SIGUSR1 for the life of the process; SIGUSR1 then has no listener. Call it once.
   *
   * @returns Whether the permissions allow it.
   */
  disableInspectorSignal(): boolean;
  /** Closes the runtime's inspector; resolves with its address, or `undefined` if it was not open. */
  closeInspector(): Promise<string | undefined>;
  readBootClock(): BootReading;
  /** Whether this process may write to a path, as far as its rights and mounts say; changes nothing. */
  isWritable(path: string): boolean;
  /** Records the present state as the reference for later checks. */
  openTamperChecks(env: Env): Promise<TamperChecks>;
  /** Resolves with an identity that excludes pid reuse; `undefined` if the process has ended. */
  identifyProcess(pid: number): Promise<ProcessIdentity | undefined>;
  /** Tells whether `pid` is the ancestor or one of its descendants; false if either has ended. */
  isDescendant(pid: number, ancestor: ProcessIdentity): boolean;
  /**
   * Returns a value that changes with a file's identity, content, permissions or names. Only comparison makes sense.
   * `undefined` if the file does not exist or cannot be examined.
   */
  readFileVersion(path: string): string | undefined;
  /** Sets the file mode creation mask (umask(2)); does nothing on systems without file modes. */
  setUmask(mask: number): void;
  /** Reads a small file even if another process has locked it. */
  readLocked(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Replaces `to` with `from` atomically and durably. */
  replaceFile(from: string, to: string): Promise<void>;
  /** Makes the removal of the file at this path durable. */
  syncFolder(path: string): Promise<void>;
  /** Resolves with the sources of the hardware fingerprint; the caller reads them. */
  fingerprintSources(): Promise<FingerprintSources>;
  /** Absent if local sockets are files. */
  readonly pipes?: LocalPipes | undefined;
  /** Absent if a service is a file; loaded on demand. */
  readonly services?: (() => Promise<SystemServices>) | undefined;
  /**
   * Starts a program in its own process group on this console; `undefined` without a console or if the start fails. Absent
   * if the runtime can do it.
   */
  readonly spawnOnConsole?: ((program: ConsoleProgram) => ConsoleChild | undefined) | undefined;
  /** Whether the system has signals such as SIGCHLD and SIGUSR1. */
  readonly hasUnixSignals: boolean;
  /** Maximum length of a local socket's path. */
  readonly maxSocketPathBytes: number;
  /** Finds this process's listener at a TCP port; loaded on demand. Absent if the system has no way to find it. */
  readonly findListener?:
    | ((port: number) => Promise<ListeningSocket | undefined>)
    | undefined;
  /** Starts identifying the peers of the listener that is bound to `path`. */
  trackPeers(path: string): AcceptedPeers;
  /** Returns the server's credentials for each connection of this process to the socket at `path`. */
  listServers(path: string): PeerCredentials[];
  /** Makes this process the parent of orphaned descendants, for its lifetime. May be called again. */
  adoptOrphans(): void;
  /** Tells whether this process has a child, including adopted ones and zombies. */
  hasChildren(): boolean;
  /** Returns the pid of any zombie child. */
  findEndedChild(): number | undefined;
  /** Finds, signals and reaps processes; loaded on demand. */
  processControl(): Promise<ProcessControl>;
  /** Drops privileges; loaded on demand. `undefined` if the system is not supported. */
  privileges(): Promise<PrivilegeControl | undefined>;
  /** Signals a process group (kill(2)); false if it does not exist. */
  signalGroup(leader: number, signal: GroupSignal): boolean;
}
