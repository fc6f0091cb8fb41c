import { SYSTEM } from "./host.ts";
import type { Build } from "../core/build_info.ts";
import { readSignKey } from "../packaging/checksums.ts";
import { buildPrograms, type BuildRequest, type BuiltFile } from "../packaging/build_programs.ts";
import {
  locateOwnModules,
  makeGitRunner,
  readPinnedDeno,
  readSourceInfo,
} from "../packaging/program_modules.ts";
import type { Target } from "../packaging/targets.ts";
import { ExpiryWatch } from "../core/certificate_expiry.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import {
  changeLicense,
  type DecommissionRequest,
  findLicense,
  type LicenseAction,
  requestDecommission,
} from "../license_server/administration.ts";
import { issueLicenseFile, type IssueRequest } from "../license_server/issue_license_file.ts";
import { readSigningKey } from "../license_server/keys.ts";
import { getPermissionBits, readConfigFile, warnOfExposedFile } from "../core/files.ts";
import { describeLicenses, type LicenseListing } from "../license_server/list.ts";
import { type RunningLicenseServer, startLicenseServer } from "../license_server/server.ts";
import { type Signatures, WEB_CRYPTO } from "../license_server/signatures.ts";
import { blockMachine, closeLicense } from "../license_server/seats.ts";
import { openSqliteStore } from "../license_server/sqlite_store.ts";
import type { LicenseStore } from "../license_server/store.ts";

/**
 * Builds programs from the modules of this program.
 *
 * @param note Prints a remark about the Deno that compiles.
 * @throws {BuildError}
 */
export async function composeBuild(
  request: BuildRequest,
  { build, signKeyPath, note, log }: {
    build: Build;
    /** The key that signs the checksums. */
    signKeyPath: string | undefined;
    note: (line: string) => void;
    log: Logger;
  },
): Promise<BuiltFile[]> {
  const { env } = SYSTEM;
  const modules = locateOwnModules();
  const isBundle = modules.kind === "bundle";
  const sign = signKeyPath === undefined ? undefined : await readSignKey(signKeyPath, log);
  return await buildPrograms(request, {
    bundler: { path: Deno.execPath() },
    // a compiled program cannot compile: its execPath is not Deno
    compiler: {
      path: env("BUILD_DENO") || (Deno.build.standalone ? "deno" : Deno.execPath()),
    },
    hasOwnRuntime: Boolean(env("DENORT_BIN")),
    sign,
    pinnedDeno: isBundle ? Deno.version.deno : await readPinnedDeno(modules.root),
    note,
    host: Deno.build.target as Target,
    modules,
    source: isBundle
      ? selectModuleFacts(build)
      : await readSourceInfo(makeGitRunner(modules.root), env),
  });
}

/** Commit and build time: the facts about the modules that hold for every customer. */
function selectModuleFacts({ commit, builtAt }: Build): Build {
  return {
    ...(commit !== undefined && { commit }),
    ...(builtAt !== undefined && { builtAt }),
  };
}

/** How long to wait for another process's transaction on the database. */
const BUSY_TIMEOUT_MS = 2_000;

/** Actor of audit rows for commands. */
const COMMAND_LINE_ACTOR = "command line";

/**
 * Opens the database named by `--database`. The caller closes it.
 *
 * @throws {SentinelError} `config.database…`.
 */
async function openStore(
  database: string,
  { create }: { create: boolean },
): Promise<LicenseStore> {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(database)) {
    const scheme = database.slice(0, database.indexOf(":"));
    throw new SentinelError(
      "config.database",
      `--database must be the path of a SQLite file: a ${scheme} URL is not supported`,
    );
  }
  return await openSqliteStore(database, {
    create,
    busyTimeoutMs: BUSY_TIMEOUT_MS,
    schedule: (flush) => setTimeout(flush, 0),
  });
}

/**
 * Issues a license file and, with a database, registers the license there; creates the database if it is missing.
 * Resolves to the license key.
 *
 * @throws {SentinelError} `config.…` in one line for the operator.
 */
export function issue(
  request: IssueRequest,
  { database, log }: { database: string | undefined; log: Logger },
): Promise<string> {
  return issueLicenseFile(request, {
    log,
    nowMs: systemClock.wallMs(),
    actor: COMMAND_LINE_ACTOR,
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    openStore: database === undefined ? undefined : () => openStore(database, { create: true }),
  });
}

/**
 * Revokes, suspends or reinstates a license of an existing database.
 *
 * @throws {SentinelError} `config.database…`, or `usage.license_state` if the license's state does not allow it.
 */
export async function administer(
  action: LicenseAction,
  { database, licenseKey }: { database: string; licenseKey: string },
): Promise<void> {
  await using store = await openStore(database, { create: false });
  await changeLicense(store, action, { licenseKey, origin: getCommandLineOrigin() });
}

/**
 * Closes a license to new machines, or opens it again.
 *
 * @throws {SentinelError} `config.database…`, or `usage.license_state` if the license's state does not allow it.
 */
export async function setLicenseClosed(
  database: string,
  request: { licenseKey: string; isClosed: boolean },
): Promise<void> {
  await using store = await openStore(database, { create: false });
  await closeLicense(store, request, getCommandLineOrigin());
}

/**
 * Blocks a machine, or unblocks it.
 *
 * @throws {SentinelError} `config.database…`, or `usage.machine_state` if the machine's state does not allow it.
 */
export async function setMachineBlocked(
  database: string,
  request: { licenseKey: string; machineId: string; isBlocked: boolean },
): Promise<void> {
  await using store = await openStore(database, { create: false });
  await blockMachine(store, request, getCommandLineOrigin());
}

/**
 * Asks a machine to give up its license or, if the machine is lost, frees its place.
 *
 * @throws {SentinelError} `config.database…`, or `usage.machine_state` if the machine's state does not allow it.
 */
export async function decommission(database: string, request: DecommissionRequest): Promise<void> {
  await using store = await openStore(database, { create: false });
  await requestDecommission(store, request, getCommandLineOrigin());
}

/**
 * Lists the licenses of an existing database with their machines, or only one license.
 *
 * @throws {SentinelError} `config.database…`, or `usage.license_state` if that license is unknown.
 */
export async function listLicenses(
  database: string,
  licenseKey: string | undefined,
): Promise<LicenseListing[]> {
  await using store = await openStore(database, { create: false });
  const licenses = licenseKey === undefined
    ? await store.listLicenses()
    : [await findLicense(store, licenseKey)];
  return await describeLicenses(store, licenses, systemClock.wallMs());
}

function getCommandLineOrigin(): { atMs: number; actor: string } {
  return { atMs: systemClock.wallMs(), actor: COMMAND_LINE_ACTOR };
}

/** Options of `sentinel vendor serve`. */
interface ServeSettings {
  readonly keyPath: string;
  readonly database: string;
  readonly address: string;
  readonly port: number;
  readonly tls: { readonly certificatePath: string; readonly keyPath: string } | undefined;
  readonly trustProxy: boolean;
  /** Makes the signers and verifiers (default: WebCrypto). The caller disposes of it. */
  readonly signatures?: Signatures;
}

/**
 * Opens the database and starts the license server. Disposing it drains the server and closes the database.
 *
 * @throws {SentinelError} `config.…` in one line for the operator.
 */
export async function startVendorServer(
  settings: ServeSettings,
  { log, clock }: { log: Logger; clock: Clock },
): Promise<RunningLicenseServer> {
  await using opened = new AsyncDisposableStack();
  const signatures = settings.signatures ?? WEB_CRYPTO;
  const sign = await readSigningKey(settings.keyPath, log, signatures);
  const { tls: tlsFiles } = settings;
  const tls = tlsFiles && await readTls(tlsFiles, log);
  const store = opened.use(await openStore(settings.database, { create: true }));
  const mode = getPermissionBits(await Deno.stat(settings.database));
  warnOfExposedFile({ path: settings.database, mode, what: "database" }, log);
  const server = opened.use(
    await startLicenseServer({
      store,
      sign,
      signatures,
      clock,
      log,
      address: settings.address,
      port: settings.port,
      trustProxy: settings.trustProxy,
      ...(tls && { tls }),
    }),
  );
  if (tls && tlsFiles) {
    const { certificatePath: path } = tlsFiles;
    opened.use(new ExpiryWatch({ clock, log }))
      .watch([{ what: "certificate", path, pem: tls.certificate }]);
  }
  log.info(`signatures by ${signatures.name}`);
  const owned = opened.move();
  const close = () => owned.disposeAsync();
  return { url: server.url, close, [Symbol.asyncDispose]: close };
}

async function readTls(
  { certificatePath, keyPath }: { certificatePath: string; keyPath: string },
  log: Logger,
): Promise<{ certificate: string; key: string }> {
  const certificate = await readConfigFile(certificatePath, {
    what: "certificate file",
    code: "config.tls",
  });
  const what = "TLS key file";
  const key = await readConfigFile(keyPath, { what, code: "config.tls" });
  warnOfExposedFile({ path: keyPath, mode: key.mode, what }, log);
  return { certificate: certificate.text, key: key.text };
}
