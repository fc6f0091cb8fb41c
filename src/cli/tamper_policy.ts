import { TAMPER_POLICIES, type TamperPolicy } from "../core/build_info.ts";
import type { Logger } from "../core/log.ts";

/** The policy of a program that no vendor built, as from source. */
const DEFAULT_POLICY: TamperPolicy = "degrade";

/** Where a policy may come from. */
interface PolicySources {
  /** Built in. */
  readonly vendor: TamperPolicy | undefined;
  /** `security.anti_tamper`, if the configuration file sets it. */
  readonly file: TamperPolicy | undefined;
}

/**
 * Chooses a run's response to tampering: the stricter of the vendor's and the customer's. Warns of a customer's that has no
 * effect.
 */
export function chooseTamperPolicy({ vendor, file }: PolicySources, log: Logger): TamperPolicy {
  if (vendor === undefined) return file ?? DEFAULT_POLICY;
  if (file === undefined || rank(file) === rank(vendor)) return vendor;
  if (rank(file) > rank(vendor)) return file;
  log.warn(
    `security.anti_tamper = "${file}" has no effect: the vendor's policy is "${vendor}"`,
  );
  return vendor;
}

function rank(policy: TamperPolicy): number {
  return TAMPER_POLICIES.indexOf(policy);
}
