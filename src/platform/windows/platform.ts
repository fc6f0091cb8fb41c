import { kernel32 } from "../../../ffi/kernel32.ts";
import type { Platform } from "../contract.ts";
import type { LocalPipes } from "../local_socket.ts";
import { readStatVersion } from "../file_changes.ts";
import { dpapi } from "./data_protection.ts";
import { isWritable, readLocked, replaceFile } from "./files.ts";
import { enterOwnJob } from "./process_control.ts";
import { connectPipe, listenOnPipe, PIPE_PREFIX } from "./pipe_listener.ts";
import { identifyProcess, isDescendant, killProcess, readBootId } from "./processes.ts";
import { readRegistryText, registryKeyring } from "./registry.ts";
import { spawnOnConsole } from "./console.ts";
import { readCommandLine } from "./command_line.ts";
import { readOwnSid } from "./tokens.ts";

const CRYPTOGRAPHY_KEY = "SOFTWARE\\Microsoft\\Cryptography";

const pipes: LocalPipes = { prefix: PIPE_PREFIX, listen: listenOnPipe, connect: connectPipe };

/** QueryUnbiasedInterruptTime() counts 100 ns. */
const TICKS_PER_MS = 10_000n;

/** Windows 10 and later; docs/DEVELOPMENT.md lists the tested systems. */
export const windows: Platform = {
  wireName: Deno.build.arch === "x86_64" ? "WINDOWS_AMD64" : "WINDOWS_ARM64",
  programFormat: "PE",
  hasUnixSignals: false,
  userId: readOwnSid,
  machineId: () =>
    Promise.resolve(
      readRegistryText({ hive: "HKLM", key: CRYPTOGRAPHY_KEY, name: "MachineGuid" }),
    ),
  defaultStateFolder: (env) => joinProductFolder(env("APPDATA")),
  replicaFolder: (env) => joinProductFolder(env("LOCALAPPDATA")),
  runtimeFolder: (env) => joinProductFolder(env("LOCALAPPDATA"), "run"),
  announcedCredentialStore: () => undefined,
  openCredentialStore: () => Promise.resolve(undefined),
  dataProtection: dpapi,
  userKeyring: () => registryKeyring,
  guardMemory(bytes) {
    kernel32().VirtualLock(bytes, BigInt(bytes.length));
    return {
      [Symbol.dispose]() {
        bytes.fill(0);
        kernel32().VirtualUnlock(bytes, BigInt(bytes.length));
      },
    };
  },
  commandLine: readCommandLine,
  // the standard handles cannot be redirected
  dropStreams() {},
  notifyService: () => false,
  // other processes of the user can always read memory (PROCESS_VM_READ), and there are no core dumps
  protectMemory() {},
  isWritable,
  // the runtime has no inspector signal
  disableInspectorSignal: () => true,
  closeInspector: () => Promise.resolve(undefined),
  readBootClock() {
    const bootId = readBootId(), bootMs = Number(kernel32().GetTickCount64());
    const awake = new BigUint64Array(1);
    const isKnown = kernel32().QueryUnbiasedInterruptTime(awake) !== 0;
    const awakeMs = isKnown ? Number(awake[0]! / TICKS_PER_MS) : bootMs;
    return { bootId: bootId === "0" ? "" : bootId, bootMs, sleptMs: Math.max(0, bootMs - awakeMs) };
  },
  openTamperChecks: async () => (await import("./tamper_check.ts")).openTamperChecks(),
  identifyProcess: (pid) => Promise.resolve(identifyProcess(pid)),
  isDescendant,
  readFileVersion: readStatVersion,
  async fingerprintSources() {
    const { createWindowsFingerprintSources, windowsMachine } = await import("./hardware.ts");
    return createWindowsFingerprintSources(windowsMachine);
  },
  setUmask() {},
  readLocked,
  replaceFile,
  // MoveFileExW writes through; a removed file that a power failure restores is stale, not wrong
  syncFolder: () => Promise.resolve(),
  pipes,
  services: async () => (await import("./service.ts")).windowsServices,
  spawnOnConsole,
  maxSocketPathBytes: 256,
  trackPeers() {
    throw new Error("Cannot identify peers of socket files on Windows");
  },
  listServers: () => [],
  adoptOrphans: enterOwnJob,
  hasChildren: () => true,
  findEndedChild: () => undefined,
  async processControl() {
    const { WindowsProcessControl } = await import("./process_control.ts");
    return new WindowsProcessControl();
  },
  privileges: () => Promise.resolve(undefined),
  // a group is its leader alone; its descendants are in the job
  signalGroup: (leader, signal) => signal === "SIGKILL" && killProcess(leader),
};

function joinProductFolder(folder: string | undefined, ...names: string[]): string | undefined {
  if (folder === undefined || !/^[a-z]:[\\/]/i.test(folder)) return undefined;
  return [folder, "sentinel-drm", ...names].join("\\");
}
