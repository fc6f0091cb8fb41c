import * as v from "valibot";
import { decodeUtf8, parseStrictJson } from "../core/strict_json.ts";
import { removeDurably } from "./atomic_file.ts";
import { type FileIdentity, readEncrypted, writeEncrypted } from "./encrypted_file.ts";
import { setAside } from "./set_aside.ts";

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const licenseRecordSchema = v.object({
  license_key: v.string(),
  activated: v.boolean(),
  grace_remaining_seconds: whole,
  grace_exhausted: v.boolean(),
});

const stateSchema = v.object({
  machine_id: v.pipe(v.string(), v.uuid()),
  /** Milliseconds since the Unix epoch of the newest answer the server signed; 0 before the first. */
  last_responded_at_ms: whole,
  licenses: v.array(licenseRecordSchema),
});

/** What is remembered of one licence; kept when another takes its place, so that coming back refunds nothing. */
export type LicenseRecord = Readonly<v.InferOutput<typeof licenseRecordSchema>>;

/** What a machine remembers between runs. */
export interface State {
  readonly machine_id: string;
  readonly last_responded_at_ms: number;
  readonly licenses: readonly LicenseRecord[];
}

/** What was found. */
export type LoadedState =
  | { kind: "loaded"; state: State }
  | { kind: "absent" }
  | { kind: "set_aside"; path: string };

const VERSION = 1;

/** The encrypted state file. */
export class StateFile {
  readonly #file: FileIdentity;
  readonly #key: CryptoKey;

  /** @param path The state file; its folder is there and locked by us. */
  constructor(path: string, key: CryptoKey) {
    this.#file = { path, name: "state", version: VERSION };
    this.#key = key;
  }

  /** A state that cannot be read is set aside, never deleted. */
  async load(wallMs: number): Promise<LoadedState> {
    const opened = await readEncrypted(this.#file, this.#key);
    if (opened.kind === "absent") return opened;
    const state = opened.kind === "opened" ? parseState(opened.content) : undefined;
    if (state !== undefined) return { kind: "loaded", state };
    return { kind: "set_aside", path: await setAside(this.#file.path, wallMs) };
  }

  /** As {@linkcode load}, but sets nothing aside. */
  async probe(): Promise<State | "absent" | "unreadable"> {
    const opened = await readEncrypted(this.#file, this.#key);
    if (opened.kind !== "opened") return opened.kind;
    return parseState(opened.content) ?? "unreadable";
  }

  async save(state: State): Promise<void> {
    await writeEncrypted(this.#file, this.#key, new TextEncoder().encode(JSON.stringify(state)));
  }

  async delete(): Promise<void> {
    await removeDurably(this.#file.path);
  }
}

function parseState(content: Uint8Array<ArrayBuffer>): State | undefined {
  const text = decodeUtf8(content);
  const json = text === undefined ? undefined : parseStrictJson(text);
  if (json === undefined || !("value" in json)) return undefined;
  const result = v.safeParse(stateSchema, json.value);
  return result.success ? result.output : undefined;
}
