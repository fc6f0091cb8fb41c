import { ifExists } from "../core/files.ts";
import * as v from "valibot";
import { removeDurably, writeAtomically } from "./atomic_file.ts";
import { decodeUtf8, parseStrictJson } from "../core/strict_json.ts";
import { setAside } from "./state_folder.ts";

/** What encrypted content is: its name, which is bound to it, and the version of its format. */
interface ContentIdentity {
  readonly name: string;
  readonly version: number;
}

/** The same with the place of its file. */
export interface FileIdentity extends ContentIdentity {
  readonly path: string;
}

/** A file's content, or why there is none to be had. */
type Opened =
  | { kind: "opened"; content: Uint8Array<ArrayBuffer> }
  | { kind: "absent" }
  | { kind: "unreadable" };

/** `SNTL`, then one byte for the format's version, a nonce and the AES-GCM ciphertext with its tag. */
const MAGIC = Uint8Array.of(0x53, 0x4e, 0x54, 0x4c);
/** NIST SP 800-38D section 8.2.2: random nonces of 96 bits. */
const NONCE_BYTES = 12;
const HEADER_BYTES = MAGIC.length + 1;

/** Encrypts (AES-256-GCM) and replaces the file. */
export async function writeEncrypted(
  file: FileIdentity,
  key: CryptoKey,
  content: Uint8Array<ArrayBuffer>,
): Promise<void> {
  await writeAtomically(file.path, await encryptContent(file, key, content));
}

/** Reads and decrypts; a file under another name, of another version or with a changed bit is `unreadable`. */
export async function readEncrypted(file: FileIdentity, key: CryptoKey): Promise<Opened> {
  return await decryptContent(file, key, await ifExists(Deno.readFile(file.path)));
}

/** Encrypts as a file is, for another place. */
export async function encryptContent(
  identity: ContentIdentity,
  key: CryptoKey,
  content: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = await crypto.subtle.encrypt(parameters(identity, iv), key, content);
  const bytes = new Uint8Array(HEADER_BYTES + NONCE_BYTES + sealed.byteLength);
  bytes.set(MAGIC);
  bytes[MAGIC.length] = identity.version;
  bytes.set(iv, HEADER_BYTES);
  bytes.set(new Uint8Array(sealed), HEADER_BYTES + NONCE_BYTES);
  return bytes;
}

/** Decrypts what {@linkcode encryptContent} made. */
export async function decryptContent(
  identity: ContentIdentity,
  key: CryptoKey,
  bytes: Uint8Array<ArrayBuffer> | undefined,
): Promise<Opened> {
  if (bytes === undefined) return { kind: "absent" };
  if (!MAGIC.every((byte, i) => bytes[i] === byte) || bytes[MAGIC.length] !== identity.version) {
    return { kind: "unreadable" };
  }
  const iv = bytes.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
  try {
    const sealed = bytes.subarray(HEADER_BYTES + NONCE_BYTES);
    const content = await crypto.subtle.decrypt(parameters(identity, iv), key, sealed);
    return { kind: "opened", content: new Uint8Array(content) };
  } catch {
    return { kind: "unreadable" };
  }
}

function parameters({ name, version }: ContentIdentity, iv: Uint8Array<ArrayBuffer>): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(`${name}\0${version}`) };
}

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
  /** Whether the server took this machine off the license and could not be told that it has been. */
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

/** What is remembered of one license; kept when another takes its place, so that coming back refunds nothing. */
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
