import type { Env } from "../../core/process.ts";
import { libc } from "../../../ffi/libc.ts";
import type { Platform } from "../contract.ts";
import {
  adoptOrphans,
  findEndedChild,
  hasChildren,
  identifyProcess,
  isDescendant,
  readProcFile,
} from "./proc.ts";
import {
  dropStreams,
  guardMemory,
  isWritable,
  readBootClock,
  readFileVersion,
} from "./syscalls.ts";
import { linuxUserKeyring } from "./kernel_keyring.ts";
import { MACHINE_ID_PATHS } from "./namespaces.ts";
import { listServers, trackPeers } from "./peers.ts";
import { notifyService } from "./sd_notify.ts";
import { replaceFile, signalUnixGroup, syncFolder } from "../unix/files.ts";
import { takeInspectorSignal } from "../unix/inspector.ts";

/** prctl(2), <linux/prctl.h>. */
const PR_SET_DUMPABLE = 4;

/** signal(7); the same on x86 and arm. */
const SIGUSR1 = 10;

export const linux: Platform = {
  wireName: Deno.build.arch === "x86_64" ? "LINUX_AMD64" : "LINUX_ARM64",
  programFormat: "ELF",
  userId: () => String(Deno.uid()),
  async machineId() {
    for (const path of MACHINE_ID_PATHS) {
      const id = await readLine(path);
      if (id !== undefined && id !== "") return id;
    }
    return undefined;
  },
  defaultStateFolder: (env) =>
    findOwnFolder(env, { variable: "XDG_DATA_HOME", below: ".local/share" }),
  replicaFolder: (env) => findOwnFolder(env, { variable: "XDG_STATE_HOME", below: ".local/state" }),
  runtimeFolder: (env) => keepIfAbsolute(env("XDG_RUNTIME_DIR")),
  // without a session bus the store's code is not loaded
  announcedCredentialStore: (env) =>
    (env("DBUS_SESSION_BUS_ADDRESS") ?? "") === "" ? undefined : "secret-service",
  openCredentialStore: async (deps) =>
    (await import("./secret_service.ts")).openSecretService(deps),
  userKeyring: () => linuxUserKeyring,
  guardMemory,
  commandLine: () => readProcFile("/proc/self/cmdline")?.split("\0").slice(0, -1),
  dropStreams,
  notifyService,
  protectMemory() {
    libc().prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n);
  },
  disableInspectorSignal: () => takeInspectorSignal(libc, SIGUSR1),
  closeInspector: async () => (await import("../runtime_inspector.ts")).closeInspector(),
  readBootClock,
  isWritable,
  // loaded late, as only a running child needs it
  openTamperChecks: async (env) => (await import("./tamper_check.ts")).openTamperChecks(env),
  identifyProcess: (pid) => Promise.resolve(identifyProcess(pid)),
  isDescendant,
  readFileVersion,
  async fingerprintSources() {
    const { createLinuxFingerprintSources } = await import("./hardware.ts");
    return createLinuxFingerprintSources();
  },
  setUmask: Deno.umask,
  readLocked: Deno.readFile,
  replaceFile,
  syncFolder,
  hasUnixSignals: true,
  // sockaddr_un.sun_path has 108 bytes with the NUL; unix(7)
  maxSocketPathBytes: 107,
  findListener: async (port) => (await import("./listening_socket.ts")).findListener(port),
  trackPeers,
  listServers,
  adoptOrphans,
  hasChildren,
  findEndedChild,
  processControl: async () => (await import("./process_control.ts")).createLinuxProcessControl(),
  privileges: async () => (await import("./privileges.ts")).createLinuxPrivileges(),
  signalGroup: signalUnixGroup,
};

/** Returns this product's folder by the XDG base directory specification. */
function findOwnFolder(
  env: Env,
  { variable, below }: { variable: string; below: string },
): string | undefined {
  const given = keepIfAbsolute(env(variable));
  if (given !== undefined) return `${given}/sentinel-drm`;
  const home = keepIfAbsolute(env("HOME"));
  return home === undefined ? undefined : `${home}/${below}/sentinel-drm`;
}

/** Drops relative paths, as the XDG base directory specification demands. */
function keepIfAbsolute(path: string | undefined): string | undefined {
  return path?.startsWith("/") ? path : undefined;
}

async function readLine(path: string): Promise<string | undefined> {
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch {
    return undefined;
  }
}
