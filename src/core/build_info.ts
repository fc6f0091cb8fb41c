import { VERSION } from "./version.ts";

/** Who a build is for; each has its permissions in `deno.json`. */
export const PROFILES = ["customer", "vendor", "server"] as const;
export type Profile = (typeof PROFILES)[number];

/** What was fixed when this program was made; from source, its version alone. */
export interface BuildInfo {
  readonly version: string;
  /** The commit of the sources, with `-modified` behind it where files differed from it. */
  readonly commit?: string;
  /** ISO 8601, whole seconds, UTC; of the sources rather than of the making, so that builds can be repeated. */
  readonly builtAt?: string;
  readonly profile?: Profile;
  /** The flags that say what the runtime lets it do, such as `--allow-read`. */
  readonly permissions?: readonly string[];
  /** The organisation's public key (PEM). Where it is set, no other one is accepted. */
  readonly organizationKey?: string;
  /** The one software whose licences are accepted. */
  readonly softwareId?: string;
  /** The licence server, in place of the licence's own. */
  readonly serverUrl?: string;
}

/** A program that is run from its sources. */
export const FROM_SOURCE: BuildInfo = { version: VERSION };
