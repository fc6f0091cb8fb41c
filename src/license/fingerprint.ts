import { isPlaceholder } from "./placeholder_serials.ts";
import {
  type ComponentName,
  COMPONENTS,
  type FingerprintSources,
} from "../platform/hardware_ids.ts";
import { SentinelError } from "../core/errors.ts";
import { isSameSecret } from "../core/text.ts";

/** A hardware fingerprint as it stands in a license. */
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

/** What was read of one component. */
export type Component =
  | { readonly kind: "readable"; readonly value: string; readonly place: string }
  /** `why` names every place that was tried. */
  | { readonly kind: "unreadable"; readonly why: string };

/** What was read of a machine. */
export type Hardware = Readonly<Record<ComponentName, Component>>;

/** Whether a machine is the one of a fingerprint, and if not, why. */
export type FingerprintMatch =
  | { readonly kind: "match" }
  | {
    readonly kind: "mismatch";
    /** Read, and others than the fingerprint's; none of v1, which does not tell them apart. */
    readonly differing: readonly ComponentName[];
    readonly unreadable: readonly ComponentName[];
  };

/** A fingerprint cannot be made of what this machine tells (exit status 83). */
export class FingerprintError extends SentinelError {
  constructor(message: string) {
    super("hardware.unreadable", message);
  }
}

/** What v1 is made of, in its order. */
const V1_COMPONENTS = ["cpu", "disk", "machine_id"] as const satisfies readonly ComponentName[];

/** The printed form is made of no fewer. */
const LEAST_COMPONENTS = 2;

/** The first bytes of a component's digest that v2 has: 8, as hex digits. */
const HASH_DIGITS = 16;

/** Reads every component from the first of its places that has more than a placeholder. */
export async function readHardware(sources: FingerprintSources): Promise<Hardware> {
  const entries = COMPONENTS.map(async (name) => [name, await readComponent(sources[name])]);
  return Object.fromEntries(await Promise.all(entries));
}

async function readComponent(sources: FingerprintSources[ComponentName]): Promise<Component> {
  const faults: string[] = [];
  for (const { place, read } of sources) {
    const reading = await read();
    if ("error" in reading) faults.push(`${place}: ${reading.error}`);
    else if (isPlaceholder(reading.value)) {
      faults.push(`${place}: ${describeNothing(reading.value)}`);
    } else return { kind: "readable", value: reading.value, place };
  }
  return { kind: "unreadable", why: faults.join("; ") };
}

function describeNothing(value: string): string {
  return value === "" ? "empty" : `a placeholder (${value.slice(0, 40)})`;
}

/** SHA-256 of the values of processor, disk and machine id, joined without separators. @throws {FingerprintError} */
export async function makeV1(hardware: Hardware): Promise<string> {
  const unreadable = unreadableOf(hardware, V1_COMPONENTS);
  if (unreadable.length > 0) {
    throw new FingerprintError(
      `a v1 fingerprint needs ${V1_COMPONENTS.join(", ")}: ${explain(hardware, unreadable)}`,
    );
  }
  return await sha256(V1_COMPONENTS.map((name) => valueOf(hardware[name])).join(""));
}

/**
 * The v2 form of all that is readable; more than half of it must match, and never less than two.
 *
 * @throws {FingerprintError} with fewer than two readable components, listing the others.
 */
export async function makeV2(hardware: Hardware): Promise<string> {
  const unreadable = unreadableOf(hardware, COMPONENTS);
  const readable = COMPONENTS.filter((name) => !unreadable.includes(name));
  if (readable.length < LEAST_COMPONENTS) {
    throw new FingerprintError(
      `a fingerprint needs ${LEAST_COMPONENTS} components, ${readable.length} can be read: ` +
        explain(hardware, unreadable),
    );
  }
  const threshold = Math.max(LEAST_COMPONENTS, Math.floor(readable.length / 2) + 1);
  const entries = readable.map(async (name) => `${name}=${await hashOf(hardware, name)}`);
  return `v2:${threshold}:${(await Promise.all(entries)).join(",")}`;
}

/** The first 8 bytes of SHA-256(`sentinel-fp-v2` NUL name NUL value) as hex digits; `undefined` where it is unreadable. */
export async function hashOf(
  hardware: Hardware,
  name: ComponentName,
): Promise<string | undefined> {
  const value = valueOf(hardware[name]);
  if (value === undefined) return undefined;
  return (await sha256(`sentinel-fp-v2\0${name}\0${value}`)).slice(0, HASH_DIGITS);
}

/** Whether this is the machine of the fingerprint. */
export async function compareFingerprint(
  expected: Fingerprint,
  hardware: Hardware,
): Promise<FingerprintMatch> {
  if (expected.form === "v1") {
    const unreadable = unreadableOf(hardware, V1_COMPONENTS);
    const isMatch = unreadable.length === 0 &&
      isSameSecret(await makeV1(hardware), expected.digest);
    return isMatch ? { kind: "match" } : { kind: "mismatch", differing: [], unreadable };
  }
  const differing: ComponentName[] = [], unreadable: ComponentName[] = [];
  for (const [name, hash] of expected.hashes) {
    const actual = await hashOf(hardware, name);
    if (actual === undefined) unreadable.push(name);
    else if (!isSameSecret(actual, hash)) differing.push(name);
  }
  const matches = expected.hashes.size - differing.length - unreadable.length;
  if (matches >= expected.threshold) return { kind: "match" };
  return { kind: "mismatch", differing, unreadable };
}

function valueOf(component: Component): string | undefined {
  return component.kind === "readable" ? component.value : undefined;
}

function unreadableOf(hardware: Hardware, names: readonly ComponentName[]): ComponentName[] {
  return names.filter((name) => hardware[name].kind === "unreadable");
}

/** Why each of these cannot be read. */
function explain(hardware: Hardware, names: readonly ComponentName[]): string {
  return names.map((name) => {
    const component = hardware[name];
    return component.kind === "unreadable" ? `${name} cannot be read (${component.why})` : name;
  }).join(", ");
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
