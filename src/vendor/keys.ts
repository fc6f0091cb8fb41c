import { join } from "@std/path";
import { describeError, SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { generateKeyPairDer, importPrivateKey, type Sign, signerOf } from "../signing/ecdsa.ts";
import { decodePem, encodePem } from "../signing/pem.ts";
import { readConfigFile } from "../core/read_config_file.ts";

/** Names of the organisation's two key files. */
export const PRIVATE_KEY_FILE = "org_private_key.pem";
export const PUBLIC_KEY_FILE = "org_public_key.pem";

/** Permission bits of group and others. */
const OTHERS = 0o077;

/**
 * Makes the organisation's key pair in a folder, which is made (0700) where it is missing: `org_private_key.pem`
 * (PKCS#8, 0600) and `org_public_key.pem` (SubjectPublicKeyInfo). Gives the two paths.
 *
 * @throws {SentinelError} `config.key_exists` where one of the two is there, `config.key` where the folder is unwritable.
 */
export async function makeOrganisationKey(
  folder: string,
): Promise<{ privateKeyPath: string; publicKeyPath: string }> {
  const privateKeyPath = join(folder, PRIVATE_KEY_FILE);
  const publicKeyPath = join(folder, PUBLIC_KEY_FILE);
  const pair = await generateKeyPairDer();
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await refuseExisting(publicKeyPath);
    await writeNew(privateKeyPath, encodePem(pair.privateKey, "PRIVATE KEY"), 0o600);
    await writeNew(publicKeyPath, encodePem(pair.publicKey, "PUBLIC KEY"), 0o644);
  } catch (error) {
    if (error instanceof SentinelError) throw error;
    throw new SentinelError(
      "config.key",
      `cannot write keys to ${folder}: ${describeError(error)}`,
      {
        cause: error,
      },
    );
  } finally {
    pair.privateKey.fill(0);
  }
  return { privateKeyPath, publicKeyPath };
}

/**
 * The signer of a private key file (PEM, PKCS#8, P-256). Warns where group or others may read the file.
 *
 * @throws {SentinelError} `config.key` where it cannot be read or is anything else.
 */
export async function readSigningKey(path: string, log: Logger): Promise<Sign> {
  const { text, mode } = await readConfigFile(path, { what: "key file", code: "config.key" });
  const der = decodePem(text, "PRIVATE KEY");
  const key = der && await importPrivateKey(der);
  der?.fill(0);
  if (key === undefined) {
    throw new SentinelError("config.key", `${path} is not a P-256 private key (PEM, PKCS#8)`);
  }
  if (mode !== null && (mode & OTHERS) !== 0) {
    const bits = (mode & 0o777).toString(8).padStart(4, "0");
    log.warn(`key file can be read by others: ${path} has mode ${bits} (chmod 600 it)`);
  }
  return signerOf(key);
}

async function refuseExisting(path: string): Promise<void> {
  const isThere = await Deno.lstat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
  if (isThere) throw existsError(path);
}

async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    using file = await Deno.open(path, { write: true, createNew: true, mode });
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
    await file.sync();
  } catch (error) {
    throw error instanceof Deno.errors.AlreadyExists ? existsError(path) : error;
  }
}

function existsError(path: string): SentinelError {
  return new SentinelError("config.key_exists", `key file already exists: ${path}`);
}
