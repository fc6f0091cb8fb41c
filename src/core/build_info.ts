/** Kinds of builds; `deno.json` lists the permissions of each. */
export const PROFILES = ["customer", "vendor", "server"] as const;
export type Profile = (typeof PROFILES)[number];

/** Responses to a tamper finding, from the most lenient to the strictest. `off` does not even look. */
export const TAMPER_POLICIES = ["off", "report", "degrade", "stop"] as const;
export type TamperPolicy = (typeof TAMPER_POLICIES)[number];

/** What a standalone program was built with; empty if the program runs from source. */
export interface Build {
  /** Commit of the sources: 40 hex digits, followed by `-dirty` if the work tree had changes. */
  readonly commit?: string;
  /** RFC 3339, UTC; from SOURCE_DATE_EPOCH. */
  readonly builtAt?: string;
  /** Target triple, such as `x86_64-unknown-linux-gnu`. */
  readonly target?: string;
  readonly profile?: Profile;
  /** Runtime permissions, as flags such as `--allow-read`. */
  readonly permissions?: readonly string[];
  /** The organization's public key (PEM); if set, no other key is accepted. */
  readonly organizationKey?: string;
  /** The only software id that licenses may name. */
  readonly softwareId?: string;
  /** The vendor's response to tampering; the configuration can only choose a stricter one. */
  readonly antiTamper?: TamperPolicy;
  /** Default of `ipc.peer`. */
  readonly ipcPeer?: "child";
  /** Whether a state replica is kept outside the folder of `--state-dir`, too. */
  readonly strictRollback?: boolean;
  /** Default license server; options, variables and the configuration take precedence. */
  readonly serverUrl?: string;
}

/** Same as in `deno.json`. */
export const VERSION = "0.1.0";
