import { describeError } from "../core/errors.ts";
import { ifExists, readSmallText } from "../core/files.ts";
import type { Logger } from "../core/log.ts";
import {
  checkSoftware,
  MAX_LICENSE_BYTES,
  openLicense,
  type SignedLicense,
} from "../license/license_file.ts";
import { checkDates, hasBegun, type License, type StandardLicense } from "../license/payload.ts";
import type { Host } from "../platform/host.ts";
import type { Verify } from "../signing/ecdsa.ts";
import { locateProductFolder } from "../state/product_folder.ts";
import { KEPT_LICENSE_FILE } from "../state/state_folder.ts";
import type { RunRequest } from "./run_request.ts";
import { identifyProduct } from "./standard.ts";

/** The license that a run begins with. */
export interface ChosenLicense {
  readonly present: SignedLicense;
  /** The license that was given, if it begins later. */
  readonly next?: SignedLicense;
}

/** The license that ran last, which is kept in the product's folder. */
type KeptLicense =
  | { readonly kind: "found" } & SignedLicense & { readonly license: StandardLicense }
  | { readonly kind: "unusable"; readonly why: string }
  | { readonly kind: "none" };

type KeptRequest = Pick<RunRequest, "orgKey" | "stateDir" | "strictRollback">;
type KeptDependencies = Pick<Host, "platform" | "env" | "clock"> & { readonly verify: Verify };

/**
 * Chooses the license to begin with: the one that was given or, if that begins later, the one that ran last. Whether that is
 * activated, its state tells.
 *
 * @throws {LicenseError} `license.not_yet_active` There is no other.
 */
export async function chooseLicense(
  given: SignedLicense,
  request: KeptRequest,
  { log, ...deps }: KeptDependencies & { readonly log: Logger },
): Promise<ChosenLicense> {
  const wallMs = deps.clock.wallMs();
  if (hasBegun(given.license, wallMs)) return { present: given };
  const kept = await findKeptLicense(given.license, request, deps);
  if (kept.kind === "found") return { present: kept, next: given };
  if (kept.kind === "unusable") log.warn(`the kept license cannot be used: ${kept.why}`);
  checkDates(given.license, wallMs);
  return { present: given };
}

/** Finds the license that ran last for the product of `next`, and verifies it; creates nothing. */
export async function findKeptLicense(
  next: License,
  request: KeptRequest,
  { verify, ...deps }: KeptDependencies,
): Promise<KeptLicense> {
  if (next.license_type !== "STANDARD") return { kind: "none" };
  try {
    const product = await identifyProduct(next, request);
    const { path } = await locateProductFolder(product, request, deps);
    const read = readSmallText(`${path}/${KEPT_LICENSE_FILE}`, MAX_LICENSE_BYTES);
    const text = (await ifExists(read))?.text;
    if (text === undefined) return { kind: "none" };
    const { license, envelope } = await openLicense(text, verify);
    checkSoftware(license, next.software_id);
    checkDates(license, deps.clock.wallMs());
    if (license.license_type !== "STANDARD") return { kind: "none" };
    return { kind: "found", license, envelope };
  } catch (error) {
    return { kind: "unusable", why: describeError(error) };
  }
}
