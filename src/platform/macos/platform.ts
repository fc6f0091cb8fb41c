import { type Libsystem, libsystem } from "../../../ffi/libsystem.ts";
import { encodeCString, replaceFile, signalUnixGroup, syncFolder } from "../unix/files.ts";
import type { GroupSignal, Platform } from "../contract.ts";
import { isDescendantOf } from "../descendants.ts";
import type { Reading } from "../hardware_ids.ts";
import { listServers, trackPeers } from "./peers.ts";
import { readBootId, readHostUuid, readProcess } from "./process_control.ts";
import { readStatVersion } from "../file_changes.ts";
import { runSystemTool } from "../secret_tool.ts";
import { takeInspectorSignal } from "../unix/inspector.ts";

/** <time.h>: time since boot including sleep, not settable; clock_gettime(3). */
const CLOCK_MONOTONIC_RAW = 4;

/** <sys/resource.h>, <sys/ptrace.h>. */
const RLIMIT_CORE = 4, PT_DENY_ATTACH = 31;

/** <unistd.h>; access(2). */
const W_OK = 2;

/** <sys/signal.h>. */
const SIGUSR1 = 30;

/**
 * Creates the macOS platform. Written from Apple's headers and kernel sources and tested with a fake C library, not on a Mac.
 *
 * @param lib Returns the C library; called on first use.
 */
export function makeMacos(lib: () => Libsystem): Platform {
  return {
    wireName: Deno.build.arch === "x86_64" ? "DARWIN_AMD64" : "DARWIN_ARM64",
    programFormat: "Mach-O",
    userId: () => String(Deno.uid()),
    machineId: () => Promise.resolve(readHostUuid(lib())),
    defaultStateFolder(env) {
      const home = keepIfAbsolute(env("HOME"));
      return home === undefined ? undefined : `${home}/Library/Application Support/sentinel-drm`;
    },
    replicaFolder(env) {
      const home = keepIfAbsolute(env("HOME"));
      return home === undefined ? undefined : `${home}/Library/Preferences/sentinel-drm`;
    },
    readBootClock() {
      const timespec = new BigInt64Array(2);
      if (lib().clock_gettime(CLOCK_MONOTONIC_RAW, timespec) !== 0) {
        throw new Error("Cannot read the boot clock: clock_gettime failed");
      }
      const [seconds, nanoseconds] = timespec;
      return {
        bootId: readBootId(lib()) ?? "",
        bootMs: Number(seconds! * 1000n + nanoseconds! / 1_000_000n),
      };
    },
    runtimeFolder: (env) => keepIfAbsolute(env("XDG_RUNTIME_DIR")),
    announcedCredentialStore: (env) =>
      keepIfAbsolute(env("HOME")) === undefined ? undefined : "keychain",
    openCredentialStore: async (deps) => (await import("./keychain.ts")).openKeychain(deps),
    userKeyring: () => undefined,
    guardMemory: (bytes) => ({ [Symbol.dispose]: () => void bytes.fill(0) }),
    commandLine: () => undefined,
    notifyService: () => false,
    dropStreams() {
      const { fopen, fileno, dup2, fclose } = lib();
      const none = fopen(encodeCString("/dev/null"), encodeCString("r+"));
      if (none === null) throw new Error("Cannot open /dev/null");
      for (const stream of [0, 1, 2]) dup2(fileno(none), stream);
      fclose(none);
    },
    protectMemory() {
      // struct rlimit { rlim_t rlim_cur; rlim_t rlim_max; }
      lib().setrlimit(RLIMIT_CORE, new BigUint64Array(2));
      lib().ptrace(PT_DENY_ATTACH, 0, null, 0);
    },
    isWritable: (path) => lib().access(encodeCString(path), W_OK) === 0,
    disableInspectorSignal: () => takeInspectorSignal(lib, SIGUSR1),
    closeInspector: async () => (await import("../runtime_inspector.ts")).closeInspector(),
    identifyProcess(pid) {
      const process = readProcess(lib(), pid);
      const bootId = readBootId(lib());
      return Promise.resolve(
        process && bootId !== undefined ? { pid, startTime: process.startTime, bootId } : undefined,
      );
    },
    async openTamperChecks(env) {
      const { openTamperChecks } = await import("./tamper_check.ts");
      return await openTamperChecks(lib(), env);
    },
    isDescendant: (pid, ancestor) =>
      isDescendantOf(ancestor, pid, {
        readProcess: (pid) => readProcess(lib(), pid),
        readBootId: () => readBootId(lib()),
      }),
    readFileVersion: readStatVersion,
    async fingerprintSources() {
      const { createMacosFingerprintSources } = await import("./hardware.ts");
      const sources = createMacosFingerprintSources(runSystemTool);
      const host = { place: "gethostuuid(2)", read: () => readHost(lib()) };
      return { ...sources, machine_id: [host, ...sources.machine_id] };
    },
    setUmask: Deno.umask,
    readLocked: Deno.readFile,
    replaceFile,
    syncFolder,
    hasUnixSignals: true,
    // sockaddr_un.sun_path has 104 bytes with the NUL; unix(4)
    maxSocketPathBytes: 103,
    trackPeers: (path) => trackPeers(lib(), path),
    listServers: (path) => listServers(lib(), path),
    signalGroup,
    privileges: () => Promise.resolve(undefined),
    // orphans always become children of launchd
    adoptOrphans() {},
    hasChildren: () => true,
    findEndedChild: () => undefined,
    processControl: async () => {
      const { createMacosProcessControl } = await import("./process_control.ts");
      return createMacosProcessControl(lib());
    },
  };
}

export const macos: Platform = makeMacos(libsystem);

/**
 * Signals a group. Unlike Linux, EPERM also means that only zombies are left (XNU bsd/kern/kern_sig.c, `killpg1`); like
 * members of another user, they cannot be stopped.
 */
function signalGroup(leader: number, signal: GroupSignal): boolean {
  try {
    return signalUnixGroup(leader, signal);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

function readHost(lib: Libsystem): Reading {
  const value = readHostUuid(lib);
  return value === undefined ? { error: "gethostuuid(2) failed" } : { value };
}

function keepIfAbsolute(path: string | undefined): string | undefined {
  return path?.startsWith("/") ? path : undefined;
}
