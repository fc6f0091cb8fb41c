import type { Surrounding, SurroundingsReader } from "./contract.ts";
import { readProcFile } from "./linux_proc.ts";

/** Variables with which ld.so(8) loads foreign code into a program. */
const PRELOADS = ["LD_PRELOAD", "LD_AUDIT"] as const;

/** What there is to see of tampering on Linux; the executable at `path` is held against what it is now. */
export async function watchSurroundings(
  readVariable: (name: string) => string | undefined,
  path = Deno.execPath(),
): Promise<SurroundingsReader> {
  const original = await describeFile(path);
  return {
    async look() {
      const now = await describeFile(path);
      return [tracer(), preload(readVariable), changed(path, original, now)].filter((found) =>
        found !== undefined
      );
    },
  };
}

/** TracerPid of proc_pid_status(5): the process that traces us, 0 for none. */
function tracer(): Surrounding | undefined {
  const [, pid] = /^TracerPid:\s*(\d+)/m.exec(readProcFile("/proc/self/status") ?? "") ?? [];
  if (pid === undefined || pid === "0") return undefined;
  const name = readProcFile(`/proc/${pid}/comm`)?.trim() ?? "unknown";
  return {
    kind: "debugger",
    message: "debugger attached",
    evidence: `process ${pid} (${name}) traces us`,
  };
}

function preload(readVariable: (name: string) => string | undefined): Surrounding | undefined {
  const set = PRELOADS.flatMap((name) => {
    const value = readVariable(name);
    return value === undefined || value === "" ? [] : [`${name}=${value}`];
  });
  return set.length === 0 ? undefined : {
    kind: "preload",
    message: "foreign code is loaded into sentinel",
    evidence: set.join(", "),
  };
}

function changed(path: string, original: string, now: string): Surrounding | undefined {
  return now === original ? undefined : {
    kind: "executable_changed",
    message: "sentinel's own executable was changed while it ran",
    evidence: `${path} was ${original}, is ${now}`,
  };
}

async function describeFile(path: string): Promise<string> {
  try {
    const { ino, size, mtime } = await Deno.stat(path);
    return `inode ${ino}, ${size} bytes, of ${mtime?.toISOString()}`;
  } catch {
    return "gone";
  }
}
