/** Who a build is for; each has its permissions in `deno.json`. */
export const PROFILES = ["customer", "vendor", "server"] as const;
export type Profile = (typeof PROFILES)[number];

/** What a standalone program was built with; all of it absent where the program runs from source. */
export interface Build {
  /** The commit of the sources: 40 hex digits, `-dirty` behind them where something was changed. */
  readonly commit?: string;
  /** RFC 3339, UTC; from SOURCE_DATE_EPOCH. */
  readonly builtAt?: string;
  /** Such as `x86_64-unknown-linux-gnu`. */
  readonly target?: string;
  readonly profile?: Profile;
  /** What the runtime lets it do, as flags such as `--allow-read`. */
  readonly permissions?: readonly string[];
  /** The organization's public key (PEM): no other is taken then. */
  readonly organizationKey?: string;
  /** The only software that licenses may be for. */
  readonly softwareId?: string;
  /** The license server, unless options, variables or the configuration name another. */
  readonly serverUrl?: string;
}

/** The program's version; the same as in `deno.json`. */
export const VERSION = "0.1.0";
