import { kernel32 } from "../../ffi/kernel32.ts";
import { readWideText, wideText } from "./windows_text.ts";

/** Our own variables as `NAME=value`, those included that the runtime does not tell of, as `=C:=C:\folder`. */
export function readEnvironment(): string[] {
  const { GetEnvironmentStringsW, FreeEnvironmentStringsW } = kernel32();
  const block = GetEnvironmentStringsW();
  try {
    const entries: string[] = [];
    for (let at = block, entry; (entry = readWideText(at)) !== "";) {
      entries.push(entry);
      at += BigInt(entry.length + 1) * 2n;
    }
    return entries;
  } finally {
    FreeEnvironmentStringsW(block);
  }
}

/**
 * The environment of a new process, as CreateProcessW takes it: sorted by name, which is the same in upper and lower case.
 *
 * @param entries `NAME=value` each.
 * @param variables Take the place of those of the same name.
 */
export function environmentBlock(
  entries: readonly string[],
  variables: Readonly<Record<string, string>>,
): Uint16Array<ArrayBuffer> {
  const all = [...entries, ...Object.entries(variables).map(([name, value]) => `${name}=${value}`)];
  const byName = new Map(all.map((entry) => [nameOf(entry), entry]));
  const sorted = [...byName].sort(([a], [b]) => a < b ? -1 : 1).map(([, entry]) => `${entry}\0`);
  return wideText(sorted.join("") || "\0");
}

/** In upper case; a name may begin with the sign that ends it. */
function nameOf(entry: string): string {
  return entry.slice(0, entry.indexOf("=", 1)).toUpperCase();
}
