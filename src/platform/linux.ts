import { libc } from "../../ffi/libc.ts";
import type { Platform } from "./contract.ts";
import { signalUnixGroup } from "./unix_signals.ts";

/** prctl(2), <linux/prctl.h>. */
const PR_SET_DUMPABLE = 4;

export const linux: Platform = {
  wireName: Deno.build.arch === "x86_64" ? "LINUX_AMD64" : "LINUX_ARM64",
  userId: () => String(Deno.uid()),
  async machineId() {
    for (const path of ["/etc/machine-id", "/var/lib/dbus/machine-id"]) {
      const id = await readLine(path);
      if (id !== undefined && id !== "") return id;
    }
    return undefined;
  },
  defaultStateFolder(readVariable) {
    const data = absolute(readVariable("XDG_DATA_HOME"));
    if (data !== undefined) return `${data}/sentinel-drm`;
    const home = absolute(readVariable("HOME"));
    return home === undefined ? undefined : `${home}/.local/share/sentinel-drm`;
  },
  runtimeFolder: (readVariable) => absolute(readVariable("XDG_RUNTIME_DIR")),
  protectMemory() {
    libc().prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n);
  },
  async identifyProcess(pid) {
    const [stat, bootId] = await Promise.all([
      readLine(`/proc/${pid}/stat`),
      readLine("/proc/sys/kernel/random/boot_id"),
    ]);
    const startTime = stat === undefined ? undefined : startTimeOf(stat);
    return startTime === undefined || bootId === undefined ? undefined : { pid, startTime, bootId };
  },
  signalGroup: signalUnixGroup,
};

/** Field 22 of proc_pid_stat(5); the second field may hold spaces and brackets. A zombie is as good as gone. */
function startTimeOf(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? undefined : fields[19];
}

/** The XDG base directory specification has relative paths ignored. */
function absolute(path: string | undefined): string | undefined {
  return path?.startsWith("/") ? path : undefined;
}

async function readLine(path: string): Promise<string | undefined> {
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch {
    return undefined;
  }
}
