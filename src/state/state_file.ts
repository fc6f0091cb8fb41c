import { ifExists } from "../core/files.ts";
import * as v from "valibot";
import { decodeUtf8, parseStrictJson } from "../core/strict_json.ts";
import { quarantine, removeDurably, writeAtomically } from "./state_folder.ts";

/** Name and format version that the encryption authenticates with the content. */
interface ContentIdentity {
  readonly name: string;
  readonly version: number;
}

export interface FileIdentity extends ContentIdentity {
  readonly path: string;
}

type Opened =
  | { kind: "opened"; content: Uint8Array<ArrayBuffer> }
  | { kind: "absent" }
  | { kind: "unreadable" };

/** A file is `SNTL`, one byte for the format's version, the nonce, and the AES-GCM ciphertext with its tag. */
const MAGIC = Uint8Array.of(0x53, 0x4e, 0x54, 0x4c);
/** 96 random bits (NIST SP 800-38D, section 8.2.2). */
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

/** Reads and decrypts a file; one of another name or version, or with a changed bit, is `unreadable`. */
export async function readEncrypted(file: FileIdentity, key: CryptoKey): Promise<Opened> {
  return await decryptContent(file, key, await ifExists(Deno.readFile(file.path)));
}

/** Encrypts content in the file format. */
export async function encryptContent(
  identity: ContentIdentity,
  key: CryptoKey,
  content: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = await crypto.subtle.encrypt(makeParams(identity, iv), key, content);
  const bytes = new Uint8Array(HEADER_BYTES + NONCE_BYTES + sealed.byteLength);
  bytes.set(MAGIC);
  bytes[MAGIC.length] = identity.version;
  bytes.set(iv, HEADER_BYTES);
  bytes.set(new Uint8Array(sealed), HEADER_BYTES + NONCE_BYTES);
  return bytes;
}

/** Decrypts the output of {@linkcode encryptContent}. */
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
    const content = await crypto.subtle.decrypt(makeParams(identity, iv), key, sealed);
    return { kind: "opened", content: new Uint8Array(content) };
  } catch {
    return { kind: "unreadable" };
  }
}

function makeParams(
  { name, version }: ContentIdentity,
  iv: Uint8Array<ArrayBuffer>,
): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(`${name}\0${version}`) };
}

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Last sign of life of an unfinished offline run, by the wall clock and by the clock since boot. */
const aliveMarkSchema = v.object({
  /** Milliseconds since the Unix epoch. */
  wall_ms: whole,
  /** Empty if the system has no boot id. */
  boot_id: v.string(),
  boot_ms: whole,
});

const licenseRecordSchema = v.object({
  license_key: v.string(),
  activated: v.boolean(),
  grace_remaining_seconds: whole,
  grace_exhausted: v.boolean(),
  /** Whether the server decommissioned this machine and did not receive the confirmation. */
  is_decommissioned: v.optional(v.boolean(), false),
  /** The license status that forbids the software to run; `null` once the server allows it again. */
  forbidding_status: v.optional(v.nullable(v.string()), null),
  /** Offline time that is not yet charged to the grace budget. */
  unpaid_ms: v.optional(whole, 0),
  /** Set while an offline run lasts, and after it was killed. */
  last_alive: v.optional(v.nullable(aliveMarkSchema), null),
  /** Whether it was taken over from the state that all products shared, and has not run since: it may be another product's. */
  is_inherited: v.optional(v.boolean()),
  /** Nonce of the last request that the server answered; see `nonce_chain.ts`. */
  answered_nonce: v.optional(v.pipe(v.string(), v.uuid())),
});

const stateSchema = v.object({
  machine_id: v.pipe(v.string(), v.uuid()),
  /** Time of the server's latest signed answer, in milliseconds since the Unix epoch; 0 before the first. */
  last_responded_at_ms: whole,
  /** Latest trusted time at this save, in milliseconds since the Unix epoch. */
  latest_known_ms: v.optional(whole, 0),
  /** Number of this save; 0 if an earlier version saved it. */
  counter: v.optional(whole, 0),
  /** Whether a replica exists outside the state folder. */
  has_outer_witness: v.optional(v.boolean(), false),
  /** The period of the user's keyring in which its replica must be there; see `KeyringMemory`. */
  keyring_period: v.optional(v.string()),
  /** Whether grace is withheld until the server answers a heartbeat. */
  is_unconfirmed: v.optional(v.boolean(), false),
  licenses: v.array(licenseRecordSchema),
  /** Names the socket instead of the machine id, which another product has taken over as well. */
  socket_id: v.optional(v.pipe(v.string(), v.uuid())),
  /** In the state that all products shared: the scopes of the products that have taken it over. */
  taken_over_by: v.optional(v.array(v.string())),
});

export type AliveMark = Readonly<v.InferOutput<typeof aliveMarkSchema>>;

/** State of one license. It stays when another license replaces it, so that a return refunds no grace. */
export type LicenseRecord = Readonly<v.InferOutput<typeof licenseRecordSchema>>;

/** State that a machine keeps between runs. */
export interface State {
  readonly machine_id: string;
  readonly last_responded_at_ms: number;
  readonly latest_known_ms: number;
  readonly counter: number;
  readonly has_outer_witness: boolean;
  readonly keyring_period?: string | undefined;
  readonly is_unconfirmed: boolean;
  readonly licenses: readonly LicenseRecord[];
  readonly socket_id?: string | undefined;
  readonly taken_over_by?: readonly string[] | undefined;
}

export type LoadedState =
  | { kind: "loaded"; state: State }
  | { kind: "absent" }
  | { kind: "quarantined"; path: string };

export const STATE_VERSION = 1;

/** The encrypted state file. */
export class StateFile {
  readonly #file: FileIdentity;
  readonly #key: CryptoKey;

  /**
   * @param path The state file, in a folder that this process has locked.
   * @param name Authenticated with the content: a replica cannot pass for the state.
   */
  constructor(path: string, key: CryptoKey, name: "state" | "witness" = "state") {
    this.#file = { path, name, version: STATE_VERSION };
    this.#key = key;
  }

  /** Loads the state; quarantines an unreadable one. */
  async load(wallMs: number): Promise<LoadedState> {
    const opened = await readEncrypted(this.#file, this.#key);
    if (opened.kind === "absent") return opened;
    const state = parseOpened(opened);
    if (state !== undefined) return { kind: "loaded", state };
    return { kind: "quarantined", path: await quarantine(this.#file.path, wallMs) };
  }

  /** As {@linkcode load}, without quarantine. */
  async probe(): Promise<State | "absent" | "unreadable"> {
    const opened = await readEncrypted(this.#file, this.#key);
    return opened.kind === "opened" ? parseOpened(opened) ?? "unreadable" : opened.kind;
  }

  /** As {@linkcode load}, but `undefined` if there is no readable state; moves nothing and does not throw. */
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

export function encodeState(state: State): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(state));
}

/** Parses decrypted content; `undefined` if it is no state. */
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
