import {
  type ComponentSource,
  findLowestMacAddress,
  type FingerprintSources,
  type Reading,
} from "../hardware_ids.ts";
import type { RunSystemTool } from "../secret_tool.ts";

/**
 * Returns the sources of a Mac's components. Written from the manual pages (ioreg(8), diskutil(8), networksetup(8),
 * sysctl(8)) and tested with recorded output, not on a Mac.
 */
export function createMacosFingerprintSources(run: RunSystemTool): FingerprintSources {
  const platformExpert = (key: string): ComponentSource =>
    makeSource(run, `${key} of the platform expert (ioreg)`, {
      command: ["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice"],
      find: (text) => findFirstMatch(text, new RegExp(`"${key}" = "([^"]*)"`)),
    });
  return {
    machine_id: [platformExpert("IOPlatformUUID")],
    cpu: [platformExpert("IOPlatformSerialNumber")],
    disk: [makeSource(run, "UUID of the root volume (diskutil)", {
      command: ["/usr/sbin/diskutil", "info", "/"],
      find: (text) => findFirstMatch(text, /^\s*Volume UUID:\s*(\S+)/m),
    })],
    board: [{ place: "board", read: () => ({ error: "has no serial number" }) }],
    mac: [makeSource(run, "hardware ports (networksetup)", {
      command: ["/usr/sbin/networksetup", "-listallhardwareports"],
      find: (text) =>
        findLowestMacAddress(
          Array.from(text.matchAll(/^Ethernet Address: (\S+)/gm), ([, address]) => address!),
        ),
    })],
    cpu_model: [makeSource(run, "machdep.cpu (sysctl)", {
      command: ["/usr/sbin/sysctl", "machdep.cpu"],
      find: findCpuModel,
    })],
  };
}

function makeSource(
  run: RunSystemTool,
  place: string,
  { command: [path, ...args], find }: {
    command: readonly [string, ...string[]];
    find: (text: string) => Reading;
  },
): ComponentSource {
  return {
    place,
    async read() {
      const text = await run(path, args);
      return text === undefined ? { error: `${path} fails` } : find(text);
    },
  };
}

function findFirstMatch(text: string, pattern: RegExp): Reading {
  const value = pattern.exec(text)?.[1]?.trim();
  return value === undefined ? { error: "not there" } : { value };
}

/** Returns the text of Linux; Apple's processors have no such numbers. */
function findCpuModel(text: string): Reading {
  const [model, family, stepping] = ["model", "family", "stepping"].map((name) =>
    new RegExp(`^machdep\\.cpu\\.${name}: (\\d+)$`, "m").exec(text)?.[1]
  );
  return model === undefined || family === undefined || stepping === undefined
    ? { error: "has no model, family and stepping" }
    : { value: `model ${model}, family ${family}, stepping ${stepping}` };
}
