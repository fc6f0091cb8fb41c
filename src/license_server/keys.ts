import { join } from "@std/path";
import { describeError, SentinelError } from "../core/errors.ts";
import { readConfigFile, warnOfExposedFile, writeNewFiles } from "../core/files.ts";
import type { Logger } from "../core/log.ts";
import { generateKeyPairDer, type Sign } from "../signing/ecdsa.ts";
import { decodePem, encodePem } from "../signing/pem.ts";
import { type Signatures, WEB_CRYPTO } from "./signatures.ts";

const PRIVATE_KEY_FILE = "org_private_key.pem";
const PUBLIC_KEY_FILE = "org_public_key.pem";

/**
 * Generates the organization's key pair: `org_private_key.pem` (PKCS#8, 0600) and `org_public_key.pem`
 * (SubjectPublicKeyInfo). Creates the directory (0700) if it is missing.
 *
 * @throws {SentinelError} `config.key_exists` One of the files exists. `config.key` The directory is not writable.
 */
export async function makeOrganizationKey(
  folder: string,
): Promise<{ privateKeyPath: string; publicKeyPath: string }> {
  const privateKeyPath = join(folder, PRIVATE_KEY_FILE);
  const publicKeyPath = join(folder, PUBLIC_KEY_FILE);
  const pair = await generateKeyPairDer();
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const outcome = await writeNewFiles([
      { path: publicKeyPath, text: encodePem(pair.publicKey, "PUBLIC KEY"), mode: 0o644 },
      { path: privateKeyPath, text: encodePem(pair.privateKey, "PRIVATE KEY"), mode: 0o600 },
    ]);
    if (outcome.kind === "exists") {
      throw new SentinelError("config.key_exists", `key file already exists: ${outcome.path}`);
    }
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
 * Reads a private key file (PEM, PKCS#8, P-256). Warns if group or others may read the file.
 *
 * @throws {SentinelError} `config.key` The file cannot be read or holds anything else.
 */
export async function readSigningKey(
  path: string,
  log: Logger,
  signatures: Pick<Signatures, "importSigner"> = WEB_CRYPTO,
): Promise<Sign> {
  const what = "key file";
  const { text, mode } = await readConfigFile(path, { what, code: "config.key" });
  const der = decodePem(text, "PRIVATE KEY");
  const sign = der && await signatures.importSigner(der);
  der?.fill(0);
  if (sign === undefined) {
    throw new SentinelError("config.key", `${path} is not a P-256 private key (PEM, PKCS#8)`);
  }
  warnOfExposedFile({ path, mode, what }, log);
  return sign;
}
