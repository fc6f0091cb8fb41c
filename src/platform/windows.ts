import { kernel32 } from "../../ffi/kernel32.ts";
import type { LocalPipes, Platform } from "./contract.ts";
import { statVersion } from "./stat_version.ts";
import { dpapi } from "./windows_data_protection.ts";
import { readLocked, replaceFile } from "./windows_files.ts";
import { enterOwnJob } from "./windows_job.ts";
import { PIPE_PREFIX } from "./windows_pipe_names.ts";
import { connectPipe, listenOnPipe } from "./windows_pipes.ts";
import { identifyProcess, isDescendant, killProcess, readBootId } from "./windows_processes.ts";
import { readRegistryText } from "./windows_registry.ts";
import { spawnOnConsole } from "./windows_console_groups.ts";
import { readCommandLine } from "./windows_command_line.ts";
import { readOwnSid } from "./windows_tokens.ts";
import { registryKeyring } from "./windows_user_keyring.ts";

const CRYPTOGRAPHY_KEY = "SOFTWARE\\Microsoft\\Cryptography";

const pipes: LocalPipes = { prefix: PIPE_PREFIX, listen: listenOnPipe, connect: connectPipe };

/** Windows 10 and later. What was run where is said in docs/DEVELOPMENT.md. */
export const windows: Platform = {
  wireName: Deno.build.arch === "x86_64" ? "WINDOWS_AMD64" : "WINDOWS_ARM64",
  programFormat: "PE",
  stopSignals: ["SIGINT", "SIGBREAK", "SIGHUP"],
  reloadSignal: undefined,
  hasUnixSignals: false,
  userId: readOwnSid,
  machineId: () =>
    Promise.resolve(
      readRegistryText({ hive: "HKLM", key: CRYPTOGRAPHY_KEY, name: "MachineGuid" }),
    ),
  defaultStateFolder: (readVariable) => below(readVariable("APPDATA")),
  witnessFolder: (readVariable) => below(readVariable("LOCALAPPDATA")),
  runtimeFolder: (readVariable) => below(readVariable("LOCALAPPDATA"), "run"),
  announcedSafe: () => undefined,
  openSafe: () => Promise.resolve(undefined),
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
  watchSurroundings: async () => (await import("./windows_surroundings.ts")).watchSurroundings(),
  identifyProcess: (pid) => Promise.resolve(identifyProcess(pid)),
  isDescendant,
  fileVersion: statVersion,
  async fingerprintSources() {
    const { windowsFingerprintSources } = await import("./windows_hardware.ts");
    const { windowsMachine } = await import("./windows_machine.ts");
    return windowsFingerprintSources(windowsMachine);
  },
  setUmask() {},
  readLocked,
  replaceFile,
  // MoveFileExW writes through, and a file that comes back after a power failure is stale, not wrong
  syncFolder: () => Promise.resolve(),
  pipes,
  services: async () => (await import("./windows_services.ts")).windowsServices,
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
    const { WindowsProcessControl } = await import("./windows_process_control.ts");
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
