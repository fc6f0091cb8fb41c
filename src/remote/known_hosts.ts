import { ifExists, replaceContent } from "../core/files.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import { dirname } from "../core/paths.ts";
import { isSameSecret } from "../core/text.ts";

/** Fingerprints of servers' certificates from the first connection, by address and port. */
export interface KnownHosts {
  /**
   * Compares a server's fingerprint with the known one; `first`: none was known, and this one is stored.
   *
   * @throws {SentinelError} `config.known_hosts` if they cannot be read or stored.
   */
  check(host: string, fingerprint: string): Promise<"same" | "first" | "changed">;
}

/**
 * Stores known hosts in a file of lines `HOST:PORT SHA-256` (mode 0600). Replaces the file atomically under a lock, so that
 * concurrent clients lose no entry.
 */
export function openKnownHosts(path: string): KnownHosts {
  return {
    async check(host, fingerprint) {
      try {
        return await check(path, { host, fingerprint });
      } catch (error) {
        const message = `known-hosts file cannot be used: ${describeError(error)}`;
        throw new SentinelError("config.known_hosts", message, { cause: error });
      }
    },
  };
}

async function check(
  path: string,
  { host, fingerprint }: { host: string; fingerprint: string },
): ReturnType<KnownHosts["check"]> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  using lock = await Deno.open(`${path}.lock`, { write: true, create: true, mode: 0o600 });
  await lock.lock(true);
  const known = await readKnown(path);
  const before = known.get(host);
  if (before !== undefined) return isSameSecret(before, fingerprint) ? "same" : "changed";
  known.set(host, fingerprint);
  await writeKnown(path, known);
  return "first";
}

async function readKnown(path: string): Promise<Map<string, string>> {
  const known = new Map<string, string>();
  const text = await ifExists(Deno.readTextFile(path)) ?? "";
  for (const line of text.split("\n")) {
    const [host, fingerprint] = line.trim().split(/\s+/);
    if (host && fingerprint && !host.startsWith("#")) known.set(host, fingerprint);
  }
  return known;
}

async function writeKnown(path: string, known: ReadonlyMap<string, string>): Promise<void> {
  const text = Array.from(known, ([host, fingerprint]) => `${host} ${fingerprint}\n`).join("");
  await replaceContent(path, new TextEncoder().encode(text), { mode: 0o600 });
}
