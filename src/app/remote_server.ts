import { onSignal } from "./signals.ts";
import { ExpiryWatch, type RenewableCertificate } from "../core/certificate_expiry.ts";
import { systemClock } from "../core/clock.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import { readConfigFile, warnOfExposedFile } from "../core/files.ts";
import type { LogFields, Logger } from "../core/log.ts";
import { createClientVerifier } from "../pki/verify_client.ts";
import type { Platform } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";
import { LaunchError } from "../process/executable.ts";
import { OrphanReaper } from "../process/orphan_reaper.ts";
import { readOutput } from "../process/output/reader.ts";
import { ProcessTable } from "../process/process_table.ts";
import {
  type Audit,
  escapeText,
  formatCommandLine,
  quoteText,
  type Telemetry,
} from "../remote/audit.ts";
import { identifyBy } from "../remote/tls_session.ts";
import type { RemoteProcesses, StartOutcome, StartRequest } from "../remote/processes.ts";
import { checkMaterial, requireClientVerification } from "../remote/tls_material.ts";
import { startRemoteServer, type Trust } from "../remote/server.ts";

/** Options of `sentinel server`. */
export interface ServerSettings {
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly certificateAuthorityPath: string;
  readonly revocationListPath: string | undefined;
  readonly address: string;
  readonly port: number;
  /** Directory of the process records; by default below the state directory. */
  readonly dataDir: string | undefined;
  /** Text in command lines that matches is left out of the audit log. */
  readonly redact: readonly RegExp[];
  /** Whether clients that may only observe see the arguments of processes. */
  readonly observesArguments: boolean;
}

/** A listening server. */
interface RunningServer extends AsyncDisposable {
  readonly url: string;
}

/** The program around a server; `sentinel server` needs only a log. */
interface ServerHost {
  readonly log: Logger;
  /** Wraps the table before it is served (default: {@linkcode serveTable}). */
  readonly serve?: ((table: ProcessTable) => RemoteProcesses) | undefined;
  /** Once aborted, a stop no longer waits. */
  readonly force?: AbortSignal | undefined;
}

/** A listening server whose certificates its host can replace. */
interface OpenedServer extends RunningServer {
  /**
   * Reads certificates; the returned function applies them to new connections.
   *
   * @throws {SentinelError} `config.tls`.
   */
  prepare(settings: ServerSettings): Promise<() => void>;
  /** Refuses new requests, stops the processes and closes. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Opens the table of processes and serves it. SIGHUP reloads the certificates. Disposing the server refuses new requests,
 * stops the processes and closes.
 *
 * @throws {SentinelError} `config.…`, or `running.server` if another server uses the data directory.
 */
export async function startServer(settings: ServerSettings, log: Logger): Promise<RunningServer> {
  const server = await openServer(settings, { log });
  const reload = async () => {
    try {
      (await server.prepare(settings))();
      log.info("certificates reloaded");
    } catch (error) {
      log.error(`certificates not reloaded: ${describeError(error)}`);
    }
  };
  const removeListener = onSignal("server", "reload", () => void reload());
  return {
    url: server.url,
    async [Symbol.asyncDispose]() {
      removeListener();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Like {@linkcode startServer}, for a host that reloads certificates itself. */
export async function openServer(
  settings: ServerSettings,
  { log, serve = serveTable, force }: ServerHost,
): Promise<OpenedServer> {
  requireClientVerification(Deno.version.deno);
  const { trust, certificates } = await readTrust(settings, log);
  const platform = selectPlatform();
  if (!platform.hasUnixSignals) {
    throw new SentinelError("config.server", "the server is not supported on this system");
  }
  await using opened = new AsyncDisposableStack();
  const table = opened.use(await openTable(settings.dataDir, { platform, force }));
  await reapOrphans(platform, opened);
  const server = opened.use(
    await startRemoteServer({
      ...trust,
      address: settings.address,
      port: settings.port,
      processes: serve(table),
      clock: systemClock,
      log,
      audit: createAudit(log, settings.redact),
      observesArguments: settings.observesArguments,
      findSocket: platform.findListener,
      telemetry: await openTelemetry(),
      force,
    }),
  );
  const expiry = opened.use(new ExpiryWatch({ clock: systemClock, log }));
  expiry.watch(certificates);
  const owned = opened.move();
  return {
    url: server.url,
    async prepare(settings) {
      const { trust, certificates } = await readTrust(settings, log);
      return () => {
        server.reload(trust);
        expiry.watch(certificates);
      };
    },
    close: () => server.close(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** @throws {SentinelError} `config.tls`. */
async function readTrust(
  { certificatePath, keyPath, certificateAuthorityPath, revocationListPath }: ServerSettings,
  log: Logger,
): Promise<{ trust: Trust; certificates: RenewableCertificate[] }> {
  const read = async (path: string, what: string) =>
    await readConfigFile(path, { what, code: "config.tls" });
  const { text: certificate } = await read(certificatePath, "certificate file");
  const key = await read(keyPath, "key file");
  warnOfExposedFile({ path: keyPath, mode: key.mode, what: "key file" }, log);
  const { text: certificateAuthority } = await read(certificateAuthorityPath, "CA file");
  const revocationList = revocationListPath === undefined
    ? undefined
    : (await read(revocationListPath, "revocation list")).text;
  const tls = { certificate, key: key.text, certificateAuthority };
  checkMaterial(tls);
  const verify = await createClientVerifier({
    certificateAuthority,
    revocationList,
    nowMs: systemClock.wallMs,
  });
  return {
    trust: { tls, identify: identifyBy(verify) },
    certificates: [
      { what: "certificate", path: certificatePath, pem: certificate },
      { what: "CA certificate", path: certificateAuthorityPath, pem: certificateAuthority },
    ],
  };
}

async function openTable(
  dataDir: string | undefined,
  { platform, force }: { platform: Platform; force: AbortSignal | undefined },
): Promise<ProcessTable> {
  const folder = dataDir ?? requireDefaultDataFolder(platform);
  platform.adoptOrphans();
  try {
    const table = await ProcessTable.open(folder, {
      control: await platform.processControl(),
      clock: systemClock,
      ownPid: Deno.pid,
      newLaunchToken: () => crypto.randomUUID(),
      searchPath: Deno.env.get("PATH"),
      output: { sync: true },
      force,
    });
    if (table !== undefined) return table;
  } catch (error) {
    const message = `cannot use the data folder: ${folder} (${describeError(error)})`;
    throw new SentinelError("config.data_dir", message, { cause: error });
  }
  throw new SentinelError("running.server", `another server is using the data folder: ${folder}`);
}

function requireDefaultDataFolder(platform: Platform): string {
  const folder = platform.defaultStateFolder((name) => Deno.env.get(name));
  if (folder !== undefined) return `${folder}/processes`;
  throw new SentinelError("config.data_dir", "no home directory is known: give --data-dir");
}

async function reapOrphans(platform: Platform, opened: AsyncDisposableStack): Promise<void> {
  const control = await platform.processControl();
  const reaper = new OrphanReaper({ control, clock: systemClock, ownPid: Deno.pid });
  opened.defer(onSignal("server", "reap", () => void reaper.reap()));
}

/** Adapts the table to the server's interface. */
export function serveTable(table: ProcessTable): RemoteProcesses {
  return {
    start: (request) => startIn(table, request),
    query: (id) => table.query(id),
    list: () => table.list(),
    stop: (id, request) => table.stop(id, request),
    restart: async (id) => await table.query(id) && NOT_RESTARTED,
    ended: (id) => table.ended(id),
    async output(id, request) {
      const log = await table.output(id);
      return log && readOutput(log, request);
    },
    close: () => table[Symbol.asyncDispose](),
  };
}

const NOT_RESTARTED = {
  kind: "refused",
  why: "only a daemon's software can be restarted, by the id of its last start",
} as const;

async function startIn(table: ProcessTable, request: StartRequest): Promise<StartOutcome> {
  try {
    return { kind: "started", id: (await table.start(request)).id };
  } catch (error) {
    if (error instanceof LaunchError) return { kind: "refused", why: error.message };
    throw error;
  }
}

/** Writes each audit entry as one log record; refusals are warnings. */
function createAudit(log: Logger, redact: readonly RegExp[]): Audit {
  return ({ action, outcome, address, client, process, command, args, request }) => {
    const fields: LogFields = {
      client: client && quoteText(client.cn),
      role: client?.role,
      address,
      process,
      command: command && formatCommandLine({ command, args }, redact),
      request: request && quoteText(request),
    };
    const level = /^(?:refused|handshake)/.test(outcome) ? "warn" : "info";
    log[level](`audit: ${action}: ${escapeText(outcome)}`, fields);
  };
}

/** Loads OpenTelemetry only if the runtime exports it (`OTEL_DENO`). */
async function openTelemetry(): Promise<Telemetry | undefined> {
  if (!["1", "true"].includes(Deno.env.get("OTEL_DENO") ?? "")) return undefined;
  const { openTelemetry } = await import("../remote/open_telemetry.ts");
  return openTelemetry(systemClock);
}
