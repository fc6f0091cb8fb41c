import { findWeakness, type FingerprintWeakness, IDENTIFYING } from "./fingerprint_strength.ts";
import { isPlaceholder } from "./placeholder_serials.ts";
import {
  type ComponentName,
  COMPONENTS,
  type FingerprintSources,
} from "../platform/hardware_ids.ts";
import { SentinelError } from "../core/errors.ts";
import { isSameSecret } from "../core/text.ts";

/** The hardware fingerprint in a license. */
export type Fingerprint =
  /** `digest`: 64 hex digits over all v1 components, so each must match. */
  | { readonly form: "v1"; readonly digest: string }
  /** At least `threshold` of the components must match, each 16 hex digits. */
  | {
    readonly form: "v2";
    readonly threshold: number;
    readonly hashes: ReadonlyMap<ComponentName, string>;
  };

/**
 * Parses a fingerprint's text, in either case. Returns `undefined` for neither form, a repeated or unknown component, or a threshold above
 * the number of components, which no machine could meet.
 */
export function parseFingerprint(text: string): Fingerprint | undefined {
  text = text.toLowerCase();
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

/** The reading of one component. */
export type Component =
  | {
    readonly kind: "readable";
    readonly value: string;
    readonly place: string;
    /** Every machine of this model has the value. */
    readonly isOfModel?: true;
  }
  /** `why` names every source that was tried. */
  | { readonly kind: "unreadable"; readonly why: string };

/** A machine's components. */
export type Hardware = Readonly<Record<ComponentName, Component>>;

/** The result of a comparison of a machine with a fingerprint. */
export type FingerprintMatch =
  | { readonly kind: "match" }
  | {
    readonly kind: "mismatch";
    /** Readable components with another hash; empty for v1, which has one digest for all. */
    readonly differing: readonly ComponentName[];
    readonly unreadable: readonly ComponentName[];
  };

/** Too few of this machine's components are readable (exit status 83). */
export class FingerprintError extends SentinelError {
  constructor(message: string) {
    super("hardware.unreadable", message);
  }
}

/** The components of v1, in digest order. */
const V1_COMPONENTS = ["cpu", "disk", "machine_id"] as const satisfies readonly ComponentName[];

/** Fewest components in a v2 fingerprint, and its lowest threshold. */
const MIN_COMPONENTS = 2;

/** Hex digits of a component's digest in v2: its first 8 bytes. */
const HASH_DIGITS = 16;

/** Reads each component from its first source that has more than a placeholder. */
export async function readHardware(sources: FingerprintSources): Promise<Hardware> {
  const entries = COMPONENTS.map(async (name) => [name, await readComponent(sources[name])]);
  return Object.fromEntries(await Promise.all(entries));
}

async function readComponent(sources: FingerprintSources[ComponentName]): Promise<Component> {
  const faults: string[] = [];
  for (const { place, read, isOfModel } of sources) {
    const reading = await read();
    if ("error" in reading) faults.push(`${place}: ${reading.error}`);
    else if (isPlaceholder(reading.value)) {
      faults.push(`${place}: ${describePlaceholder(reading.value)}`);
    } else {
      return { kind: "readable", value: reading.value, place, ...(isOfModel && { isOfModel }) };
    }
  }
  return { kind: "unreadable", why: faults.join("; ") };
}

function describePlaceholder(value: string): string {
  return value === "" ? "empty" : `a placeholder (${value.slice(0, 40)})`;
}

/** SHA-256 (hex) of the processor, disk and machine id values, joined without separators. @throws {FingerprintError} */
export async function makeV1(hardware: Hardware): Promise<string> {
  const unreadable = listUnreadable(hardware, V1_COMPONENTS);
  if (unreadable.length > 0) {
    throw new FingerprintError(
      `a v1 fingerprint needs ${V1_COMPONENTS.join(", ")}: ${
        explainUnreadable(hardware, unreadable)
      }`,
    );
  }
  return await hashText(V1_COMPONENTS.map((name) => getValue(hardware[name])).join(""));
}

/**
 * Makes a v2 fingerprint of all readable components. More than half of them, and at least two, must match.
 *
 * @throws {FingerprintError} Fewer than two components are readable; the message lists the others.
 */
export async function makeV2(hardware: Hardware): Promise<string> {
  const unreadable = listUnreadable(hardware, COMPONENTS);
  const readable = COMPONENTS.filter((name) => !unreadable.includes(name));
  if (readable.length < MIN_COMPONENTS) {
    throw new FingerprintError(
      `a fingerprint needs ${MIN_COMPONENTS} components, ${readable.length} can be read: ` +
        explainUnreadable(hardware, unreadable),
    );
  }
  const threshold = Math.max(MIN_COMPONENTS, Math.floor(readable.length / 2) + 1);
  const entries = readable.map(async (name) => `${name}=${await hashComponent(hardware, name)}`);
  return `v2:${threshold}:${(await Promise.all(entries)).join(",")}`;
}

/** First 8 bytes (hex) of SHA-256(`sentinel-fp-v2` NUL name NUL value); `undefined` if it is unreadable. */
export async function hashComponent(
  hardware: Hardware,
  name: ComponentName,
): Promise<string | undefined> {
  const value = getValue(hardware[name]);
  if (value === undefined) return undefined;
  return (await hashText(`sentinel-fp-v2\0${name}\0${value}`)).slice(0, HASH_DIGITS);
}

/**
 * Finds what is weak about a v2 fingerprint; v1 has processor, disk and machine id, and all of them must match.
 *
 * @param hardware The machine that it is of, if that is this one.
 */
export function findFingerprintWeakness(
  expected: Fingerprint,
  hardware?: Hardware,
): FingerprintWeakness | undefined {
  if (expected.form === "v1") return undefined;
  return findWeakness(
    [...expected.hashes.keys()],
    (name) => hardware !== undefined && isOfModel(hardware, name),
  );
}

/** Whether a component of this machine has the value of every machine of its model. */
function isOfModel(hardware: Hardware, name: ComponentName): boolean {
  const component = hardware[name];
  return component.kind === "readable" && component.isOfModel === true;
}

/**
 * Compares a machine with a fingerprint. In v2, besides the threshold, one of the components that tell a machine from its
 * siblings must match, if the fingerprint names one.
 */
export async function compareFingerprint(
  expected: Fingerprint,
  hardware: Hardware,
): Promise<FingerprintMatch> {
  if (expected.form === "v1") {
    const unreadable = listUnreadable(hardware, V1_COMPONENTS);
    const isMatch = unreadable.length === 0 &&
      isSameSecret(await makeV1(hardware), expected.digest);
    return isMatch ? { kind: "match" } : { kind: "mismatch", differing: [], unreadable };
  }
  const differing: ComponentName[] = [], unreadable: ComponentName[] = [];
  for (const [name, hash] of expected.hashes) {
    const actual = await hashComponent(hardware, name);
    if (actual === undefined) unreadable.push(name);
    else if (!isSameSecret(actual, hash)) differing.push(name);
  }
  const matches = expected.hashes.size - differing.length - unreadable.length;
  const identifying = listIdentifying(expected.hashes.keys(), hardware);
  const isOfMachine = identifying.length === 0 ||
    identifying.some((name) => !differing.includes(name) && !unreadable.includes(name));
  if (matches >= expected.threshold && isOfMachine) return { kind: "match" };
  return { kind: "mismatch", differing, unreadable };
}

/** Those of the components that tell this machine from its siblings. */
function listIdentifying(names: Iterable<ComponentName>, hardware: Hardware): ComponentName[] {
  return [...names].filter((name) => IDENTIFYING.includes(name) && !isOfModel(hardware, name));
}

function getValue(component: Component): string | undefined {
  return component.kind === "readable" ? component.value : undefined;
}

function listUnreadable(hardware: Hardware, names: readonly ComponentName[]): ComponentName[] {
  return names.filter((name) => hardware[name].kind === "unreadable");
}

function explainUnreadable(hardware: Hardware, names: readonly ComponentName[]): string {
  return names.map((name) => {
    const component = hardware[name];
    return component.kind === "unreadable" ? `${name} cannot be read (${component.why})` : name;
  }).join(", ");
}

async function hashText(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
