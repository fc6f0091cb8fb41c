import { readIfThere, writeAtomically } from "./atomic_file.ts";

/** What encrypted content is: its name, which is bound to it, and the version of its format. */
export interface ContentIdentity {
  readonly name: string;
  readonly version: number;
}

/** The same with the place of its file. */
export interface FileIdentity extends ContentIdentity {
  readonly path: string;
}

/** A file's content, or why there is none to be had. */
export type Opened =
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
  return await decryptContent(file, key, await readIfThere(file.path));
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
