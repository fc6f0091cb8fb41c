import { kernel32 } from "../../../ffi/kernel32.ts";
import type { Platform } from "../contract.ts";
import type { LocalPipes } from "../local_socket.ts";
import { statVersion } from "../stat_version.ts";
import { dpapi } from "./data_protection.ts";
import { readLocked, replaceFile } from "./files.ts";
import { enterOwnJob } from "./process_control.ts";
import { connectPipe, listenOnPipe, PIPE_PREFIX } from "./pipe_listener.ts";
import { identifyProcess, isDescendant, killProcess, readBootId } from "./processes.ts";
import { readRegistryText, registryKeyring } from "./registry.ts";
import { spawnOnConsole } from "./console.ts";
import { readCommandLine } from "./command_line.ts";
import { readOwnSid } from "./tokens.ts";

const CRYPTOGRAPHY_KEY = "SOFTWARE\\Microsoft\\Cryptography";

const pipes: LocalPipes = { prefix: PIPE_PREFIX, listen: listenOnPipe, connect: connectPipe };

/** Windows 10 and later. What was run where is said in docs/DEVELOPMENT.md. */
export const windows: Platform = {
  wireName: Deno.build.arch === "x86_64" ? "WINDOWS_AMD64" : "WINDOWS_ARM64",
  programFormat: "PE",
  hasUnixSignals: false,
  userId: readOwnSid,
  machineId: () =>
    Promise.resolve(
      readRegistryText({ hive: "HKLM", key: CRYPTOGRAPHY_KEY, name: "MachineGuid" }),
    ),
  defaultStateFolder: (env) => below(env("APPDATA")),
  replicaFolder: (env) => below(env("LOCALAPPDATA")),
  runtimeFolder: (env) => below(env("LOCALAPPDATA"), "run"),
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
  // the handles of a process cannot be exchanged: what nobody reads is lost
  dropStreams() {},
  notifyService: () => false,
  // other processes of the same user may always look (PROCESS_VM_READ), and there are no core dumps
  protectMemory() {},
  // the runtime has no such signal there
  keepInspectorShut: () => true,
  shutInspector: () => Promise.resolve(undefined),
  readBootClock() {
    const bootId = readBootId();
    return {
      bootId: bootId === "0" ? "" : bootId,
      bootMs: Number(kernel32().GetTickCount64()),
    };
  },
  openTamperChecks: async () => (await import("./tamper_check.ts")).openTamperChecks(),
  identifyProcess: (pid) => Promise.resolve(identifyProcess(pid)),
  isDescendant,
  fileVersion: statVersion,
  async fingerprintSources() {
    const { windowsFingerprintSources } = await import("./machine.ts");
    const { windowsMachine } = await import("./machine.ts");
    return windowsFingerprintSources(windowsMachine);
  },
  setUmask() {},
  readLocked,
  replaceFile,
  // MoveFileExW writes through, and a file that comes back after a power failure is stale, not wrong
  syncFolder: () => Promise.resolve(),
  pipes,
  services: async () => (await import("./service.ts")).windowsServices,
  spawnOnConsole,
  maxSocketPathBytes: 256,
  acceptedPeers() {
    throw new Error("there are no such sockets on Windows");
  },
  serversAt: () => [],
  adoptOrphans: enterOwnJob,
  hasChildren: () => true,
  endedChild: () => undefined,
  async processControl() {
    const { WindowsProcessControl } = await import("./process_control.ts");
    return new WindowsProcessControl();
  },
  privileges: () => Promise.resolve(undefined),
  // a group is its leader here: who descends from it is in our job
  signalGroup: (leader, signal) => signal === "SIGKILL" && killProcess(leader),
};

function below(folder: string | undefined, ...names: string[]): string | undefined {
  if (folder === undefined || !/^[a-z]:[\\/]/i.test(folder)) return undefined;
  return [folder, "sentinel-drm", ...names].join("\\");
}
