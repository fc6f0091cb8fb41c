import { SYSTEM } from "./host.ts";
import { trustedFetch } from "./trusted_fetch.ts";
import { examine } from "../doctor/examine.ts";
import type { Finding } from "../doctor/finding.ts";
import type { LicenseRequest } from "../agent/run_request.ts";
import { type Hardware, readHardware } from "../license/fingerprint.ts";

/** What `sentinel doctor` was told. */
interface DoctorOptions extends LicenseRequest {
  /** What a build was given, as flags. */
  readonly permissions?: readonly string[] | undefined;
}

/** What the program needs of the runtime. */
const ACCESS = ["read", "write", "env", "net", "run", "ffi", "sys"] as const;

/**
 * Looks at this machine and at the license server for real.
 *
 * @throws {CaFileError} as a run would.
 */
export async function composeDoctor(options: DoctorOptions): Promise<Finding[]> {
  using trusted = await trustedFetch(options.caFile);
  return await examine({
    ...options,
    stateFolder: options.stateDir ?? SYSTEM.platform.defaultStateFolder(SYSTEM.env),
  }, {
    ...SYSTEM,
    fetch: trusted?.fetch ?? fetch,
    connectTcp: async (target) => addressOf(await Deno.connect(target)),
    connectTls: async (target) => {
      const trust = trusted === undefined ? {} : { caCerts: [trusted.pem] };
      const conn = await Deno.connectTls({ ...target, ...trust });
      using _ = conn;
      await conn.handshake();
      return describeAddress(conn.remoteAddr);
    },
    missingAccess: () => missingAccess(options.permissions ?? []),
  });
}

/** What a build was given in part on purpose is not missing. */
function missingAccess(permissions: readonly string[]): string[] {
  return ACCESS.filter((name) =>
    Deno.permissions.querySync({ name }).state !== "granted" &&
    !permissions.some((flag) => flag.startsWith(`--allow-${name}=`))
  );
}

function addressOf(conn: Deno.TcpConn): string {
  using _ = conn;
  return describeAddress(conn.remoteAddr);
}

function describeAddress({ hostname, port }: Deno.NetAddr): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** The components of this machine. */
export async function readThisMachine(): Promise<Hardware> {
  return await readHardware(await SYSTEM.platform.fingerprintSources());
}
