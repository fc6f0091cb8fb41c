import * as v from "valibot";
import { decodeUtf8, parseStrictJson } from "../core/strict_json.ts";
import { removeDurably } from "./atomic_file.ts";
import { type FileIdentity, type Opened, readEncrypted, writeEncrypted } from "./encrypted_file.ts";
import { setAside } from "./set_aside.ts";

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** When an unfinished run without the server was last seen alive: by the wall clock and by the clock of one boot. */
const aliveMarkSchema = v.object({
  /** Milliseconds since the Unix epoch. */
  wall_ms: whole,
  /** Empty where the system tells no boot from another. */
  boot_id: v.string(),
  boot_ms: whole,
});

const licenseRecordSchema = v.object({
  license_key: v.string(),
  activated: v.boolean(),
  grace_remaining_seconds: whole,
  grace_exhausted: v.boolean(),
  /** Whether the server took this machine off the licence and could not be told that it has been. */
  is_decommissioned: v.optional(v.boolean(), false),
  /** The status with which the server forbade the software to run, as long as it has not allowed it again. */
  forbidding_status: v.optional(v.nullable(v.string()), null),
  /** Milliseconds that software ran without the server and no missed heartbeat has paid for yet. */
  unpaid_ms: v.optional(whole, 0),
  /** Of a run without the server that has not ended, or was killed. */
  last_alive: v.optional(v.nullable(aliveMarkSchema), null),
});

const stateSchema = v.object({
  machine_id: v.pipe(v.string(), v.uuid()),
  /** Milliseconds since the Unix epoch of the newest answer the server signed; 0 before the first. */
  last_responded_at_ms: whole,
  /** Milliseconds since the Unix epoch: the latest time that was known to be true when this was saved. */
  latest_known_ms: v.optional(whole, 0),
  /** Grows with every save; 0 where an earlier version saved it. */
  counter: v.optional(whole, 0),
  /** Whether a copy lies outside the folder. */
  has_outer_witness: v.optional(v.boolean(), false),
  /** Whether there is no grace until the server has answered a heartbeat. */
  is_unconfirmed: v.optional(v.boolean(), false),
  licenses: v.array(licenseRecordSchema),
});

export type AliveMark = Readonly<v.InferOutput<typeof aliveMarkSchema>>;

/** What is remembered of one licence; kept when another takes its place, so that coming back refunds nothing. */
export type LicenseRecord = Readonly<v.InferOutput<typeof licenseRecordSchema>>;

/** What a machine remembers between runs. */
export interface State {
  readonly machine_id: string;
  readonly last_responded_at_ms: number;
  readonly latest_known_ms: number;
  readonly counter: number;
  readonly has_outer_witness: boolean;
  readonly is_unconfirmed: boolean;
  readonly licenses: readonly LicenseRecord[];
}

/** What was found. */
export type LoadedState =
  | { kind: "loaded"; state: State }
  | { kind: "absent" }
  | { kind: "set_aside"; path: string };

/** Of the content's format. */
export const STATE_VERSION = 1;

/** The encrypted state file. */
export class StateFile {
  readonly #file: FileIdentity;
  readonly #key: CryptoKey;

  /**
   * @param path The state file; its folder is there and locked by us.
   * @param name What is bound to the content: a copy elsewhere does not pass for the state.
   */
  constructor(path: string, key: CryptoKey, name: "state" | "witness" = "state") {
    this.#file = { path, name, version: STATE_VERSION };
    this.#key = key;
  }

  /** A state that cannot be read is set aside, never deleted. */
  async load(wallMs: number): Promise<LoadedState> {
    const opened = await readEncrypted(this.#file, this.#key);
    if (opened.kind === "absent") return opened;
    const state = parseOpened(opened);
    if (state !== undefined) return { kind: "loaded", state };
    return { kind: "set_aside", path: await setAside(this.#file.path, wallMs) };
  }

  /** As {@linkcode load}, but sets nothing aside. */
  async probe(): Promise<State | "absent" | "unreadable"> {
    const opened = await readEncrypted(this.#file, this.#key);
    return opened.kind === "opened" ? parseOpened(opened) ?? "unreadable" : opened.kind;
  }

  /** What is there, or `undefined` where nothing can be read. */
  async read(): Promise<State | undefined> {
    return await readEncrypted(this.#file, this.#key).then(parseOpened, () => undefined);
  }

  async save(state: State): Promise<void> {
    await writeEncrypted(this.#file, this.#key, encodeState(state));
  }

  async delete(): Promise<void> {
    await removeDurably(this.#file.path);
  }
}

/** A state as it is encrypted. */
export function encodeState(state: State): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(state));
}

/** The state that was decrypted, or `undefined` where it is none. */
export function parseOpened(opened: Opened): State | undefined {
  return opened.kind === "opened" ? parseState(opened.content) : undefined;
}

function parseState(content: Uint8Array<ArrayBuffer>): State | undefined {
  const text = decodeUtf8(content);
  const json = text === undefined ? undefined : parseStrictJson(text);
  if (json === undefined || !("value" in json)) return undefined;
  const result = v.safeParse(stateSchema, json.value);
  return result.success ? result.output : undefined;
}
