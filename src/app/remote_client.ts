import { SYSTEM } from "./host.ts";
import { warnOfExpiry } from "../core/certificate_expiry.ts";
import { systemClock } from "../core/clock.ts";
import { SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { readConfigFile } from "../core/files.ts";
import { RemoteClient } from "../remote/client.ts";
import type { ServerTrust } from "../remote/connect.ts";
import { openKnownHosts } from "../remote/known_hosts.ts";

/** Options of `sentinel client`: its certificate and its server. */
export interface ClientSettings {
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly address: string;
  readonly port: number;
  readonly trust:
    | {
      readonly kind: "authority";
      readonly certificateAuthorityPath: string;
      readonly serverName: string | undefined;
    }
    | { readonly kind: "first_use"; readonly onFirstUse: (fingerprint: string) => void };
}

/**
 * Opens a client with certificate and keys from files; warns if its certificate expires soon.
 *
 * @throws {SentinelError} `config.tls` if a file cannot be read.
 */
export async function openClient(settings: ClientSettings, log: Logger): Promise<RemoteClient> {
  const { address, port, certificatePath: path } = settings;
  const certificate = await read(path, "certificate file");
  warnOfExpiry({ what: "certificate", path, pem: certificate }, {
    nowMs: systemClock.wallMs(),
    log,
  });
  return new RemoteClient({
    address,
    port,
    certificate,
    key: await read(settings.keyPath, "key file"),
    trust: await readTrust(settings.trust),
    clock: systemClock,
  });
}

async function readTrust(trust: ClientSettings["trust"]): Promise<ServerTrust> {
  if (trust.kind === "first_use") {
    return { ...trust, knownHosts: openKnownHosts(`${requireHomeFolder()}/known_hosts`) };
  }
  const certificateAuthority = await read(trust.certificateAuthorityPath, "CA file");
  return { kind: "authority", certificateAuthority, serverName: trust.serverName };
}

async function read(path: string, what: string): Promise<string> {
  return (await readConfigFile(path, { what, code: "config.tls" })).text;
}

function requireHomeFolder(): string {
  const folder = SYSTEM.platform.defaultStateFolder(SYSTEM.env);
  if (folder !== undefined) return folder;
  throw new SentinelError("config.known_hosts", "no home directory is known: give -C");
}
