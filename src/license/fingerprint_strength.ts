import type { ComponentName } from "../platform/hardware_ids.ts";

/** Components that tell a machine from its siblings. Virtual machines made from one image share the others. */
export const IDENTIFYING: readonly ComponentName[] = ["machine_id", "cpu", "board", "mac"];

/** Why a fingerprint may match other machines. */
export interface FingerprintWeakness {
  /** `unbound`: similar machines match. `copyable`: so does a copy of the machine's disk. */
  readonly kind: "unbound" | "copyable";
  /** A complete statement that names the components. */
  readonly message: string;
}

/**
 * Finds what is weak about a fingerprint with these components.
 *
 * @param isOfModel Whether a component has the same value on every machine of this model (default: none has).
 */
export function findWeakness(
  names: readonly ComponentName[],
  isOfModel: (name: ComponentName) => boolean = () => false,
): FingerprintWeakness | undefined {
  const identifying = names.filter((name) => IDENTIFYING.includes(name) && !isOfModel(name));
  const list = names.join(", ");
  if (identifying.length === 0) {
    return {
      kind: "unbound",
      message: `the hardware fingerprint is weak: similar machines have the same ${list}; ` +
        `it has none of ${IDENTIFYING.filter((name) => !names.includes(name)).join(", ")}`,
    };
  }
  if (identifying.length > 1 || identifying[0] !== "machine_id") return undefined;
  return {
    kind: "copyable",
    message:
      `the hardware fingerprint is weak: of ${list}, only machine_id tells this machine from ` +
      "similar ones, and a copy of its disk has the same machine_id",
  };
}
