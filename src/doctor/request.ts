import type { Host } from "../platform/host.ts";
import type { LicenseRequest } from "../agent/run_request.ts";

/** What is to be looked at: what a run would be given. */
export interface DoctorRequest extends Omit<LicenseRequest, "stateDir" | "caFile"> {
  /** `undefined` where no home is known. */
  readonly stateFolder: string | undefined;
}

/** What looking takes; built in `src/app/doctor.ts`. */
export interface DoctorDependencies extends ServerProbes, Pick<Host, "platform" | "clock"> {
  /** Kinds of access that the runtime was not given. */
  readonly missingAccess: () => readonly string[];
}

/** The ways to the network; each connection is closed at once. */
export interface ServerProbes extends Pick<Host, "newUuid" | "env"> {
  /** Connects and tells the address that it found. Rejects with the runtime's error. */
  readonly connectTcp: (target: { hostname: string; port: number }) => Promise<string>;
  /** The same with a TLS handshake: its certificate is trusted if this resolves. */
  readonly connectTls: (target: { hostname: string; port: number }) => Promise<string>;
  readonly fetch: typeof fetch;
}
