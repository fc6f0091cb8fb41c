import { describeError, SentinelError } from "../core/errors.ts";
import { checkServerIdentity, connect, type TLSSocket } from "node:tls";
import type { Clock } from "../core/clock.ts";
import type { KnownHosts } from "./known_hosts.ts";

/** The server refused the request or gave no valid answer; the first part of `code` decides the exit status. */
export class RemoteClientError extends SentinelError {
  constructor(
    code:
      | "permission.certificate"
      | "permission.role"
      | "permission.server"
      | "process.not_found"
      | "software.remote"
      | "usage.remote"
      | "absent.remote",
    message: string,
    cause?: unknown,
  ) {
    super(code, message, { cause });
  }
}

/** How a client authenticates its server. */
export type ServerTrust =
  /** By a certificate of this CA (PEM) for `serverName`, or by default for the address or the name `server`. */
  | {
    readonly kind: "authority";
    readonly certificateAuthority: string;
    readonly serverName: string | undefined;
  }
  /** By the certificate that it presented at the first connection. */
  | {
    readonly kind: "first_use";
    readonly knownHosts: KnownHosts;
    /** Called at the first connection to a server. */
    readonly onFirstUse: (fingerprint: string) => void;
  };

export interface ConnectOptions {
  readonly address: string;
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly trust: ServerTrust;
  readonly clock: Clock;
}

/** Name in every server's certificate, besides its host names. */
const COMMON_NAME = "server";

const CONNECT_MS = 10_000;

/**
 * Connects and authenticates the server before sending a request. Whether the server accepts our certificate shows only in
 * its first answer (TLS 1.3).
 *
 * @throws {RemoteClientError}
 */
export async function connectToServer(options: ConnectOptions): Promise<TLSSocket> {
  const socket = await shakeHands(options);
  const { trust, address, port } = options;
  if (trust.kind === "authority") return socket;
  try {
    const fingerprint = socket.getPeerCertificate().fingerprint256;
    const host = `${address.includes(":") ? `[${address}]` : address}:${port}`;
    const outcome = await trust.knownHosts.check(host, fingerprint);
    if (outcome === "changed") throw createChangedError(host, fingerprint);
    if (outcome === "first") trust.onFirstUse(fingerprint);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function shakeHands(options: ConnectOptions): Promise<TLSSocket> {
  let socket: TLSSocket | undefined;
  try {
    socket = startHandshake(options);
    await waitForTls(socket, options.clock.timeout(CONNECT_MS));
    return socket;
  } catch (error) {
    socket?.destroy();
    throw explain(error, options);
  }
}

function startHandshake({ address, port, certificate, key, trust }: ConnectOptions): TLSSocket {
  const common = { host: address, port, cert: certificate, key, minVersion: "TLSv1.3" } as const;
  if (trust.kind === "first_use") {
    return connect({ ...common, servername: COMMON_NAME, rejectUnauthorized: false });
  }
  const { certificateAuthority, serverName } = trust;
  const names = serverName === undefined ? [address, COMMON_NAME] : [serverName];
  return connect({
    ...common,
    servername: serverName ?? COMMON_NAME,
    ca: certificateAuthority,
    checkServerIdentity: (_, certificate) => {
      const faults = names.map((name) => checkServerIdentity(name, certificate));
      return faults.includes(undefined) ? undefined : faults[0];
    },
  });
}

function waitForTls(socket: TLSSocket, late: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onLate = () => done(new Error("connection timeout"));
    const done = (error?: Error) => {
      late.removeEventListener("abort", onLate);
      socket.off("error", done);
      if (error === undefined) resolve();
      else reject(error);
    };
    late.addEventListener("abort", onLate);
    socket.on("error", done);
    socket.once("secureConnect", () => done());
  });
}

function explain(error: unknown, { address, port }: ConnectOptions): RemoteClientError {
  const why = describeError(error), code = (error as NodeJS.ErrnoException).code ?? "";
  if (/^E[A-Z]+$/.test(code) || why === "connection timeout") {
    const message = `server does not answer at ${address} port ${port}: ${why}`;
    return new RemoteClientError("absent.remote", message, error);
  }
  if (/^ERR_TLS_CERT|^UNABLE_TO|CERT/.test(code)) {
    return new RemoteClientError("permission.server", `server not trusted: ${why}`, error);
  }
  return new RemoteClientError("absent.remote", `no TLS connection to the server: ${why}`, error);
}

function createChangedError(host: string, fingerprint: string): RemoteClientError {
  return new RemoteClientError(
    "permission.server",
    `THE CERTIFICATE OF ${host} HAS CHANGED: somebody may stand between. If the change is known, remove its line ` +
      `from the known-hosts file (now SHA-256 ${fingerprint})`,
  );
}
