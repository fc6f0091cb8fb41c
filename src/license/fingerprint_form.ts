import { type ComponentName, COMPONENTS } from "../platform/hardware.ts";

/** A hardware fingerprint as it stands in a licence. */
export type Fingerprint =
  /** `digest`: 64 hex digits; everything it is made of must match. */
  | { readonly form: "v1"; readonly digest: string }
  /** At least `threshold` of the components must match, each 16 hex digits. */
  | {
    readonly form: "v2";
    readonly threshold: number;
    readonly hashes: ReadonlyMap<ComponentName, string>;
  };

/**
 * A fingerprint from its text. `undefined` where it has neither form, names a component twice or one that there is not, or
 * asks for more matches than it names: it would be met too easily, or never.
 */
export function parseFingerprint(text: string): Fingerprint | undefined {
  if (/^[0-9a-f]{64}$/.test(text)) return { form: "v1", digest: text };
  const [, threshold, list] = /^v2:([1-9]\d?):(.+)$/.exec(text) ?? [];
  const entries = (list ?? "").split(",").map((entry) => /^([a-z_]+)=([0-9a-f]{16})$/.exec(entry));
  const hashes = new Map<ComponentName, string>();
  for (const entry of entries) {
    const name = COMPONENTS.find((name) => name === entry?.[1]);
    if (name === undefined) return undefined;
    hashes.set(name, entry![2]!);
  }
  if (hashes.size !== entries.length || Number(threshold) > hashes.size) return undefined;
  return { form: "v2", threshold: Number(threshold), hashes };
}
