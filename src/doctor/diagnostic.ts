import type { Host } from "../platform/host.ts";
import type { Sign } from "../signing/ecdsa.ts";
import type { LicenseRecord } from "../state/state_file.ts";
import type { LicenseRequest } from "../agent/run_request.ts";

/** The checks of doctor, in the order of its output. */
export type CheckName =
  | "key"
  | "license"
  | "dates"
  | "hardware"
  | "software"
  | "dns"
  | "tcp"
  | "tls"
  | "http"
  | "signature"
  | "clock"
  | "keystore"
  | "state"
  | "activation"
  | "socket"
  | "permissions";

/** The result of one check; each text is one line and contains no secret. */
export type Diagnostic =
  | { readonly check: CheckName; readonly outcome: "ok" | "skipped"; readonly found: string }
  | {
    readonly check: CheckName;
    readonly outcome: "failed";
    readonly found: string;
    readonly advice: string;
    /** Like an error's code: its first part decides the exit status. */
    readonly code: string;
  };

export function pass(check: CheckName, found: string): Diagnostic {
  return { check, outcome: "ok", found };
}

/** For a check that does not apply or depends on a failed one. */
export function skip(check: CheckName, found: string): Diagnostic {
  return { check, outcome: "skipped", found };
}

export function fail(
  check: CheckName,
  found: string,
  { advice, code }: { advice: string; code: string },
): Diagnostic {
  return { check, outcome: "failed", found, advice, code };
}

/** The inputs of a run, which doctor examines. */
export interface DoctorRequest extends Omit<LicenseRequest, "caFile"> {
  /** The program to launch; absolute. */
  readonly softwarePath?: string | undefined;
}

/** This machine as its state has it. */
export interface KnownMachine {
  readonly machineId: string;
  /** Signs with the machine's key. */
  readonly sign: Sign;
  /** The newest signed time seen, milliseconds since the Unix epoch. */
  readonly lastRespondedAtMs: number;
  /** Whether the state has no grace until the server answers. */
  readonly isUnconfirmed: boolean;
  /** The record of the license; `undefined` if it has not run here. */
  readonly record: LicenseRecord | undefined;
}

/** The folder of the license's product on this machine. */
export interface FoundStateFolder {
  /** `undefined` if it is not known. */
  readonly stateFolder: string | undefined;
  /** Why it is not known. */
  readonly unknown?: "home" | "license";
}

/** Built in `src/app/doctor.ts`. */
export interface DoctorDependencies extends ServerProbes, Pick<Host, "platform" | "clock"> {
  /** Names of the runtime's permissions that are missing. */
  readonly listMissingAccess: () => readonly string[];
}

/** Access to the network; connections are closed at once. */
export interface ServerProbes extends Pick<Host, "newUuid" | "env"> {
  /** Connects and resolves with the peer's address. Rejects with the runtime's error. */
  readonly connectTcp: (target: { hostname: string; port: number }) => Promise<string>;
  /** The same with a TLS handshake; resolves only if the certificate is trusted. */
  readonly connectTls: (target: { hostname: string; port: number }) => Promise<string>;
  readonly fetch: typeof fetch;
  /** Called with the license server's URL if its answer takes long. */
  readonly onSlow: (serverUrl: string) => void;
}
