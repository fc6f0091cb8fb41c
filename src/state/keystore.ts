import { generateKeyPairDer, importPrivateKey, makeSigner, type Sign } from "../signing/ecdsa.ts";
import { encodePem } from "../signing/pem.ts";
import { type FileIdentity, readEncrypted, writeEncrypted } from "./state_file.ts";
import type { KeyWrapping } from "./key_wrapping.ts";
import { quarantine, removeDurably } from "./state_folder.ts";

/** The machine's keys; their private bytes are not accessible. */
export interface MachineKeys {
  /** Signs as this machine. */
  readonly sign: Sign;
  /** SubjectPublicKeyInfo, PEM. */
  readonly publicKeyPem: string;
  /** Encrypts the state file (AES-256-GCM). */
  readonly stateKey: CryptoKey;
  /** Path of the quarantined keystore that these new keys replace. */
  readonly replaced?: string;
}

/** Content of the keystore file, in this order, each part after its length (u16, big-endian). */
interface Secrets {
  readonly privateKey: Uint8Array<ArrayBuffer>;
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly stateKey: Uint8Array<ArrayBuffer>;
}

const VERSION = 1;
const STATE_KEY_BYTES = 32;

/** The file with the machine's key pair and the state file's key. */
export class Keystore {
  readonly #file: FileIdentity;
  readonly #keyWrapping: KeyWrapping;
  readonly #guardMemory: (bytes: Uint8Array<ArrayBuffer>) => Disposable;

  /**
   * @param path The keystore file, in a folder that this process has locked.
   * @param guardMemory Locks the bytes in memory, and wipes them on disposal.
   */
  constructor(
    path: string,
    { keyWrapping, guardMemory }: {
      keyWrapping: KeyWrapping;
      guardMemory: (bytes: Uint8Array<ArrayBuffer>) => Disposable;
    },
  ) {
    this.#file = { path, name: "keystore", version: VERSION };
    this.#keyWrapping = keyWrapping;
    this.#guardMemory = guardMemory;
  }

  /** Returns the machine's keys; creates and saves them at the first run. Quarantines an unreadable keystore. */
  async open(wallMs: number): Promise<MachineKeys> {
    const key = await this.#keyWrapping.unlock();
    const opened = await readEncrypted(this.#file, key);
    if (opened.kind === "opened") {
      const keys = await this.#useContent(opened.content);
      if (keys !== undefined) return keys;
    }
    const replaced = opened.kind === "absent"
      ? undefined
      : await quarantine(this.#file.path, wallMs);
    const keys = await this.#create(key);
    return replaced === undefined ? keys : { ...keys, replaced };
  }

  /** Tells what {@linkcode open} would find, without creating or moving anything. */
  async probe(): Promise<"absent" | "opened" | "unreadable"> {
    const opened = await readEncrypted(this.#file, await this.#keyWrapping.unlock());
    if (opened.kind !== "opened") return opened.kind;
    return await this.#useContent(opened.content) === undefined ? "unreadable" : "opened";
  }

  async delete(): Promise<void> {
    await removeDurably(this.#file.path);
  }

  async #create(key: CryptoKey): Promise<MachineKeys> {
    const pair = await generateKeyPairDer();
    using _privateKey = this.#guardMemory(pair.privateKey);
    const stateKey = new Uint8Array(STATE_KEY_BYTES);
    using _stateKey = this.#guardMemory(stateKey);
    crypto.getRandomValues(stateKey);
    const packed = pack({ ...pair, stateKey });
    using _packed = this.#guardMemory(packed);
    await writeEncrypted(this.#file, key, packed);
    return (await useSecrets({ ...pair, stateKey }))!;
  }

  async #useContent(content: Uint8Array<ArrayBuffer>): Promise<MachineKeys | undefined> {
    using _guard = this.#guardMemory(content);
    const secrets = unpack(content);
    return secrets === undefined ? undefined : await useSecrets(secrets);
  }
}

/** Imports the secrets; their bytes stay the caller's to wipe. */
async function useSecrets(
  { privateKey, publicKey, stateKey }: Secrets,
): Promise<MachineKeys | undefined> {
  const signingKey = await importPrivateKey(privateKey);
  if (signingKey === undefined) return undefined;
  return {
    sign: makeSigner(signingKey),
    publicKeyPem: encodePem(publicKey, "PUBLIC KEY"),
    stateKey: await crypto.subtle.importKey("raw", stateKey, "AES-GCM", false, [
      "encrypt",
      "decrypt",
    ]),
  };
}

function pack({ privateKey, publicKey, stateKey }: Secrets): Uint8Array<ArrayBuffer> {
  const parts = [privateKey, publicKey, stateKey];
  const packed = new Uint8Array(parts.reduce((sum, part) => sum + 2 + part.length, 0));
  const view = new DataView(packed.buffer);
  let offset = 0;
  for (const part of parts) {
    view.setUint16(offset, part.length);
    packed.set(part, offset + 2);
    offset += 2 + part.length;
  }
  return packed;
}

/** Returns views into the packed bytes: wiping those wipes the secrets. */
function unpack(packed: Uint8Array<ArrayBuffer>): Secrets | undefined {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  while (parts.length < 3 && offset + 2 <= packed.length) {
    const length = view.getUint16(offset);
    parts.push(packed.subarray(offset + 2, offset + 2 + length));
    offset += 2 + length;
  }
  const [privateKey, publicKey, stateKey] = parts;
  if (offset !== packed.length || privateKey === undefined || publicKey === undefined) {
    return undefined;
  }
  return stateKey?.length === STATE_KEY_BYTES ? { privateKey, publicKey, stateKey } : undefined;
}
