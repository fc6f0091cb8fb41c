import { describeError } from "../core/errors.ts";
import { ifExists, lstatIfExists, readConfigFile, warnOfExposedFile } from "../core/files.ts";
import type { Logger } from "../core/log.ts";
import { importSshKey, type SshSigner } from "../signing/ssh_signature.ts";
import { BuildError } from "./run_deno.ts";

/** The file that `sha256sum --check` reads (sha256sum(1)). */
const CHECKSUMS_FILE = "SHA256SUMS";

/** Its signature, under the name that `ssh-keygen -Y sign` gives it. */
const SIGNATURE_FILE = `${CHECKSUMS_FILE}.sig`;

/** A file with its checksum, 64 hex digits. */
interface SummedFile {
  readonly name: string;
  readonly sha256: string;
}

/**
 * Reads the key that signs the checksums: Ed25519, as `ssh-keygen` writes it.
 *
 * @throws {BuildError}
 */
export async function readSignKey(path: string, log: Logger): Promise<SshSigner> {
  const what = "key file";
  const { text, mode } = await readConfigFile(path, { what, code: "config.build" });
  const outcome = await importSshKey(text);
  if (outcome.kind === "unusable") throw new BuildError(`${path} ${outcome.why}`);
  warnOfExposedFile({ path, mode, what }, log);
  return outcome.sign;
}

/**
 * Adds files to `SHA256SUMS` in a folder, or replaces their lines, and signs the list. An old signature, which is of another
 * list, is replaced or removed.
 *
 * @throws {BuildError}
 */
export async function writeChecksums(
  folder: string,
  { files, sign }: { files: readonly SummedFile[]; sign: SshSigner | undefined },
): Promise<void> {
  const path = `${folder}/${CHECKSUMS_FILE}`, signaturePath = `${folder}/${SIGNATURE_FILE}`;
  try {
    const before = await lstatIfExists(path) === undefined ? "" : await Deno.readTextFile(path);
    const text = mergeChecksums(before, files);
    await ifExists(Deno.remove(signaturePath));
    await Deno.writeTextFile(path, text);
    if (sign === undefined) return;
    await Deno.writeTextFile(signaturePath, await sign(new TextEncoder().encode(text)));
  } catch (cause) {
    throw new BuildError(`checksums cannot be written to ${path}: ${describeError(cause)}`, {
      cause,
    });
  }
}

/** @param before The file's current text; empty if it does not exist. */
function mergeChecksums(before: string, files: readonly SummedFile[]): string {
  const sums = new Map(
    before.split("\n").flatMap((line) => {
      const [, sum, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
      return sum === undefined || name === undefined ? [] : [[name, sum] as const];
    }),
  );
  for (const { name, sha256 } of files) sums.set(name, sha256);
  const names = [...sums.keys()].sort();
  return names.map((name) => `${sums.get(name)}  ${name}\n`).join("");
}
