import { loadTrustedFetch, SYSTEM } from "./host.ts";
import type { ServerAnswer } from "../activation/answer.ts";
import { examineActivation, isActivated, mayUseGrace } from "../doctor/activation.ts";
import type {
  CheckName,
  Diagnostic,
  DoctorDependencies,
  DoctorRequest,
  KnownMachine,
} from "../doctor/diagnostic.ts";
import { examinePermissions, examineSocket, examineSoftware } from "../doctor/files.ts";
import { examineLicense } from "../doctor/license.ts";
import { examineServer } from "../doctor/server.ts";
import { examinePresentLicense } from "../doctor/present_license.ts";
import type { LicenseRequest } from "../agent/run_request.ts";
import { type Hardware, readHardware } from "../license/fingerprint.ts";

/** Options of `sentinel doctor`. */
interface DoctorOptions extends DoctorRequest, Pick<LicenseRequest, "caFile"> {
  /** Permission flags of the build. */
  readonly permissions?: readonly string[] | undefined;
}

/** Permissions the program needs from the runtime. */
const ACCESS = ["read", "write", "env", "net", "run", "ffi", "sys"] as const;

/**
 * Examines this machine and the license server.
 *
 * @throws {CaFileError} if the CA file is unreadable or invalid.
 */
export async function composeDoctor(
  options: DoctorOptions,
  { onSlow }: Pick<DoctorDependencies, "onSlow">,
): Promise<Diagnostic[]> {
  using trusted = await loadTrustedFetch(options.caFile);
  return await examine(options, {
    ...SYSTEM,
    fetch: trusted?.fetch ?? fetch,
    onSlow,
    connectTcp: async (target) => getAddress(await Deno.connect(target)),
    connectTls: async (target) => {
      const trust = trusted === undefined ? {} : { caCerts: [trusted.pem] };
      const conn = await Deno.connectTls({ ...target, ...trust });
      using _ = conn;
      await conn.handshake();
      return describeAddress(conn.remoteAddr);
    },
    listMissingAccess: () => listMissingAccess(options.permissions ?? []),
  });
}

/** Checks of the server and the network, which a run survives while it has grace. */
const SERVER_CHECKS: readonly CheckName[] = ["dns", "tcp", "tls", "http", "signature", "clock"];

/** The code of a failed check that does not keep a run from starting. */
const TOLERATED = "tolerated";

/**
 * Checks everything that a run depends on and changes nothing. The license server receives one heartbeat: of this machine if
 * it is activated, else of one that does not exist.
 */
async function examine(
  request: DoctorRequest,
  deps: DoctorDependencies,
): Promise<Diagnostic[]> {
  const { license: given, verify, diagnostics } = await examineLicense(request, deps);
  const present = await examinePresentLicense(given, request, { ...deps, verify });
  const { license, found, state, dates } = present;
  const { machine } = state;
  const serverUrl = request.serverUrl ??
    (license?.license_type === "STANDARD" ? license.server_url : undefined);
  const server = await examineServer({ license, serverUrl, verify, machine }, deps);
  const { answer } = server;
  return [
    ...diagnostics.map((each) => each.check === "dates" ? dates ?? each : each),
    await examineSoftware(request, license, deps),
    ...server.diagnostics.map((each) => judgeServerFault(each, { machine, answer })),
    ...state.diagnostics,
    examineActivation({ license, machine, answer }),
    await examineSocket(request, deps),
    await examinePermissions({ ...request, ...found }, deps),
  ];
}

/** Gives a fault of the server the code of the error with which a run would end. */
function judgeServerFault(
  diagnostic: Diagnostic,
  { machine, answer }: { machine: KnownMachine | undefined; answer: ServerAnswer | undefined },
): Diagnostic {
  if (diagnostic.outcome !== "failed" || !SERVER_CHECKS.includes(diagnostic.check)) {
    return diagnostic;
  }
  if (mayUseGrace(machine)) return { ...diagnostic, code: TOLERATED };
  if (isActivated(machine)) return { ...diagnostic, code: "unreachable.grace_exhausted" };
  const code = answer?.kind === "unsigned" ? "refused.activation" : "unreachable.activation";
  return { ...diagnostic, code };
}

/** The checks in the order in which a run makes them; a socket's path is known before its folder is looked at. */
const RUN_ORDER: readonly (CheckName | "socket_path")[] = [
  ...["key", "socket_path", "license", "dates", "software", "hardware"] as const,
  ...["keystore", "state", "socket"] as const,
  ...["dns", "tcp", "tls", "http", "signature", "clock", "activation", "permissions"] as const,
];

type Fault = Extract<Diagnostic, { outcome: "failed" }>;

function rank({ check, code }: Fault): number {
  return RUN_ORDER.indexOf(code === "config.ipc_path" ? "socket_path" : check);
}

/** The fault to mend first, and the one with which a run would end; `undefined` if there is none. */
export function findFaults(
  diagnostics: readonly Diagnostic[],
): { readonly first: Fault | undefined; readonly obstacle: Fault | undefined } {
  const faults = diagnostics.filter((each) => each.outcome === "failed")
    .toSorted((a, b) => rank(a) - rank(b));
  const obstacle = faults.find(({ code }) => code !== TOLERATED);
  return { first: obstacle ?? faults[0], obstacle };
}

/** Permissions that are not granted. One that the build limits on purpose (`--allow-net=host`) is not missing. */
function listMissingAccess(permissions: readonly string[]): string[] {
  return ACCESS.filter((name) =>
    Deno.permissions.querySync({ name }).state !== "granted" &&
    !permissions.some((flag) => flag.startsWith(`--allow-${name}=`))
  );
}

function getAddress(conn: Deno.TcpConn): string {
  using _ = conn;
  return describeAddress(conn.remoteAddr);
}

function describeAddress({ hostname, port }: Deno.NetAddr): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Reads the hardware components of this machine. */
export async function readThisMachine(): Promise<Hardware> {
  return await readHardware(await SYSTEM.platform.fingerprintSources());
}
