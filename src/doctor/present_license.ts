import { findKeptLicense } from "../agent/kept_license.ts";
import { hasBegun, type License } from "../license/payload.ts";
import type { Host } from "../platform/host.ts";
import type { Verify } from "../signing/ecdsa.ts";
import { isActivated } from "./activation.ts";
import { type Diagnostic, type DoctorRequest, type FoundStateFolder, pass } from "./diagnostic.ts";
import { examineState, findStateFolder, type StateExamination } from "./state.ts";

interface PresentLicense {
  /** `undefined` if none could be read. */
  readonly license: License | undefined;
  readonly found: FoundStateFolder;
  readonly state: StateExamination;
  /** The diagnostic of the dates if another license runs until the first day of the one that was given. */
  readonly dates?: Diagnostic;
}

/** Chooses the license that a run would begin with, as the run does, and examines its state. */
export async function examinePresentLicense(
  given: License | undefined,
  request: DoctorRequest,
  { verify, ...deps }: Pick<Host, "platform" | "clock" | "env"> & { verify: Verify | undefined },
): Promise<PresentLicense> {
  const found = await findStateFolder(request, given, deps);
  const { orgKey } = request;
  const isEarly = given !== undefined && !hasBegun(given, deps.clock.wallMs());
  if (isEarly && verify !== undefined && orgKey !== undefined) {
    const kept = await findKeptLicense(given, { ...request, orgKey }, { ...deps, verify });
    if (kept.kind === "found") {
      const { license } = kept;
      const state = await examineState(found, license, deps);
      const dates = pass(
        "dates",
        `${license.license_key} ran last and goes on, at most to ${license.expiry_date} UTC; ` +
          `${given.license_key} is taken up on ${given.issue_date}`,
      );
      if (isActivated(state.machine)) return { license, found, state, dates };
    }
  }
  return { license: given, found, state: await examineState(found, given, deps) };
}
