import { joinBytes } from "../core/files.ts";

/** Signs a message; returns a detached signature that `ssh-keygen -Y verify` checks. */
export type SshSigner = (message: Uint8Array<ArrayBuffer>) => Promise<string>;

/** A private key's file, or why it cannot be used (completes a sentence). */
export type SshKeyOutcome =
  | { readonly kind: "key"; readonly sign: SshSigner }
  | { readonly kind: "unusable"; readonly why: string };

/** What a signature is for; `ssh-keygen -n`, which uses this one for files by convention. */
const NAMESPACE = "file";

const KEY_TYPE = "ssh-ed25519", HASH = "sha512";

/** Heads of a private key's file (PROTOCOL.key) and of a signature (PROTOCOL.sshsig), both of OpenSSH. */
const KEY_MAGIC = "openssh-key-v1\0", SIGNATURE_MAGIC = "SSHSIG";

const SIGNATURE_VERSION = 1;

/** Characters in a line of base64, as `ssh-keygen` writes them. */
const LINE_LENGTH = 70;

/** PKCS#8 of an Ed25519 key, before its 32 bytes; RFC 8410 section 7. */
const PKCS8_HEAD = Uint8Array.fromHex("302e020100300506032b657004220420");
const SEED_BYTES = 32;

const utf8 = new TextEncoder();

/** Reads a private key as `ssh-keygen -t ed25519` writes it, without a passphrase. */
export async function importSshKey(text: string): Promise<SshKeyOutcome> {
  const unusable = (why: string): SshKeyOutcome => ({ kind: "unusable", why });
  const wrong = "is not an Ed25519 private key of ssh-keygen";
  const bytes = decodeArmor(text, "OPENSSH PRIVATE KEY");
  if (bytes === undefined) return unusable(wrong);
  try {
    const parts = readKeyFile(bytes);
    if (parts === undefined) {
      return unusable(
        "has a passphrase: sign SHA256SUMS with `ssh-keygen -Y sign -n file` instead",
      );
    }
    const { publicKey, seed } = parts;
    const pkcs8 = joinBytes([PKCS8_HEAD, seed]);
    const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"]);
    for (const secret of [pkcs8, seed, bytes]) secret.fill(0);
    return { kind: "key", sign: (message) => signMessage(message, { key, publicKey }) };
  } catch {
    return unusable(wrong);
  }
}

/** @returns `undefined` if the key is encrypted. @throws {Error} if the file is malformed or has another type of key. */
function readKeyFile(
  bytes: Uint8Array<ArrayBuffer>,
): { publicKey: Uint8Array<ArrayBuffer>; seed: Uint8Array<ArrayBuffer> } | undefined {
  const file = new Reader(bytes);
  file.expect(KEY_MAGIC);
  const cipher = file.text();
  file.string(); // key derivation
  file.string(); // its options
  if (file.number() !== 1) throw new Error("Cannot use several keys");
  const publicKey = file.string().slice();
  if (cipher !== "none") return undefined;
  const secret = new Reader(file.string());
  if (secret.number() !== secret.number()) throw new Error("Cannot read the key");
  if (secret.text() !== KEY_TYPE) throw new Error("Cannot use this type of key");
  secret.string(); // the public key again
  return { publicKey, seed: secret.string().slice(0, SEED_BYTES) };
}

async function signMessage(
  message: Uint8Array<ArrayBuffer>,
  { key, publicKey }: { key: CryptoKey; publicKey: Uint8Array },
): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-512", message));
  const magic = utf8.encode(SIGNATURE_MAGIC);
  const purpose = [encodeString(NAMESPACE), encodeString(""), encodeString(HASH)];
  const signed = joinBytes([magic, ...purpose, encodeString(digest)]);
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", key, signed));
  return encodeArmor(
    joinBytes([
      ...[magic, encodeNumber(SIGNATURE_VERSION), encodeString(publicKey), ...purpose],
      encodeString(joinBytes([encodeString(KEY_TYPE), encodeString(signature)])),
    ]),
    "SSH SIGNATURE",
  );
}

/** Reads the types of RFC 4251 section 5; throws at the end of the bytes. */
class Reader {
  #at = 0;

  constructor(readonly bytes: Uint8Array<ArrayBuffer>) {}

  number(): number {
    const number = new DataView(this.bytes.buffer, this.bytes.byteOffset).getUint32(this.#at);
    this.#at += 4;
    return number;
  }

  string(): Uint8Array<ArrayBuffer> {
    const length = this.number();
    if (this.#at + length > this.bytes.length) throw new Error("Cannot read past the end");
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return new TextDecoder().decode(this.string());
  }

  expect(text: string): void {
    const found = this.bytes.subarray(this.#at, this.#at += text.length);
    if (new TextDecoder().decode(found) !== text) throw new Error("Cannot find the head");
  }
}

function encodeNumber(number: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

function encodeString(content: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = typeof content === "string" ? utf8.encode(content) : content;
  return joinBytes([encodeNumber(bytes.length), bytes]);
}

function decodeArmor(text: string, label: string): Uint8Array<ArrayBuffer> | undefined {
  const [, body] = new RegExp(`-----BEGIN ${label}-----([^-]*)-----END ${label}-----`).exec(text) ??
    [];
  try {
    return body === undefined ? undefined : Uint8Array.fromBase64(body);
  } catch {
    return undefined;
  }
}

function encodeArmor(bytes: Uint8Array, label: string): string {
  const lines = bytes.toBase64().match(new RegExp(`.{1,${LINE_LENGTH}}`, "g")) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
