import { NEEDS_ROOT, needsProgram, type Requirement } from "./requirements.ts";

const SETPRIV = needsProgram("setpriv");

/** For what root may do, and other users may not; root can be kept from it by {@linkcode WITHOUT_CAPABILITIES}. */
export const CAN_BE_KEPT_OUT: readonly Requirement[] = NEEDS_ROOT.met ? [SETPRIV] : [];

/** Runs the command behind it as a user like any other, root too; capabilities(7). */
export const WITHOUT_CAPABILITIES: readonly string[] = NEEDS_ROOT.met && SETPRIV.met
  ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
  : [];
