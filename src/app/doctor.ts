import { loadTrustedFetch, SYSTEM } from "./host.ts";
import type { Diagnostic, DoctorDependencies, DoctorRequest } from "../doctor/diagnostic.ts";
import { examinePermissions, examineSocket } from "../doctor/files.ts";
import { examineLicense } from "../doctor/license.ts";
import { examineServer } from "../doctor/server.ts";
import { examineState, findStateFolder } from "../doctor/state.ts";
import type { LicenseRequest } from "../agent/run_request.ts";
import { type Hardware, readHardware } from "../license/fingerprint.ts";

/** Options of `sentinel doctor`. */
interface DoctorOptions extends LicenseRequest {
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

/** Checks everything that a run depends on and changes nothing. The license server receives one request that it refuses. */
async function examine(
  request: DoctorRequest,
  deps: DoctorDependencies,
): Promise<Diagnostic[]> {
  const { license, verify, diagnostics } = await examineLicense(request, deps);
  const serverUrl = request.serverUrl ??
    (license?.license_type === "STANDARD" ? license.server_url : undefined);
  const found = await findStateFolder(request, license, deps);
  return [
    ...diagnostics,
    ...await examineServer({ license, serverUrl, verify }, deps),
    ...await examineState(found, license, deps),
    await examineSocket(request, deps),
    await examinePermissions({ ...request, ...found }, deps),
  ];
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
