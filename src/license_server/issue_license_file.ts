import { describeError, SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { hashFile, writeAll } from "../core/files.ts";
import { formatUtcDate } from "../license/payload.ts";
import { encodeBase64Url } from "../signing/envelope.ts";
import { issueLicense, type LicenseTerms, makeLicenseKey, registerLicense } from "./issue.ts";
import { readSigningKey } from "./keys.ts";
import type { LicenseStore } from "./store.ts";

/** A license to issue. The key defaults to a random one, the issue date to today. */
export interface IssueRequest {
  readonly terms:
    & Omit<LicenseTerms, "licenseKey" | "issueDate" | "softwareChecksum">
    & {
      readonly licenseKey: string | undefined;
      readonly issueDate: string | undefined;
    };
  /** The organization's private key. */
  readonly keyPath: string;
  /** The executable whose SHA-256 goes into the license. */
  readonly checksumPath: string | undefined;
  /** Whether machines may give their places back by themselves (default: yes); known to the license server alone. */
  readonly allowsRelease?: boolean;
  /** The license file; an existing one is replaced. */
  readonly outPath: string;
}

/** Dependencies; without `openStore` the license is not registered. */
export interface IssueTools {
  readonly log: Logger;
  readonly nowMs: number;
  readonly actor: string;
  randomBytes(length: number): Uint8Array<ArrayBuffer>;
  readonly openStore: (() => Promise<LicenseStore>) | undefined;
}

/**
 * Issues a license file and registers the license; returns its key. Writes the file before it registers, and renames it
 * into place afterwards, so that neither exists without the other.
 *
 * @throws {SentinelError} `config.…` One line for the operator.
 */
export async function issueLicenseFile(request: IssueRequest, tools: IssueTools): Promise<string> {
  const sign = await readSigningKey(request.keyPath, tools.log);
  const { terms, checksumPath } = request;
  const { license, fileText, weakness } = await issueLicense({
    ...terms,
    licenseKey: terms.licenseKey ?? makeLicenseKey(tools.randomBytes),
    issueDate: terms.issueDate ?? formatUtcDate(tools.nowMs),
    softwareChecksum: checksumPath === undefined ? undefined : await checksumFile(checksumPath),
  }, sign);
  if (weakness !== undefined) tools.log.warn(weakness.message);
  const suffix = encodeBase64Url(tools.randomBytes(9));
  await using file = await prepareFile(
    request.outPath,
    fileText,
    `${request.outPath}.${suffix}.tmp`,
  );
  if (tools.openStore !== undefined) {
    await using store = await tools.openStore();
    await registerLicense(store, license, {
      ...{ atMs: tools.nowMs, actor: tools.actor },
      allowsRelease: request.allowsRelease ?? true,
    });
  }
  await file.publish();
  return license.license_key;
}

/**
 * SHA-256 of a file as 64 hex digits. Opens regular files only.
 *
 * @throws {SentinelError} `config.checksum` The file cannot be read.
 */
export async function checksumFile(path: string): Promise<string> {
  try {
    // opening a pipe blocks
    if ((await Deno.stat(path)).isFile) {
      using file = await Deno.open(path);
      return await hashFile(file);
    }
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "not found" : describeError(error);
    throw new SentinelError("config.checksum", `software cannot be read: ${path} (${reason})`, {
      cause: error,
    });
  }
  throw new SentinelError("config.checksum", `software is not a regular file: ${path}`);
}

interface PreparedFile extends AsyncDisposable {
  /** Renames the file into place, atomically. */
  publish(): Promise<void>;
}

/** Writes a file under a temporary name in the same directory; disposal removes it unless it is published. */
async function prepareFile(path: string, text: string, temporary: string): Promise<PreparedFile> {
  let isPublished = false;
  try {
    await refuseDirectory(path);
    using file = await Deno.open(temporary, { write: true, createNew: true });
    await writeAll(file, new TextEncoder().encode(text));
    await file.sync();
  } catch (error) {
    await Deno.remove(temporary).catch(() => undefined);
    throw explainUnwritable(path, error);
  }
  return {
    async publish() {
      await Deno.rename(temporary, path).catch((error) => {
        throw explainUnwritable(path, error);
      });
      isPublished = true;
    },
    async [Symbol.asyncDispose]() {
      if (!isPublished) await Deno.remove(temporary).catch(() => undefined);
    },
  };
}

async function refuseDirectory(path: string): Promise<void> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info?.isDirectory) throw new Error("it is a directory");
}

function explainUnwritable(path: string, error: unknown): SentinelError {
  const reason = error instanceof Deno.errors.NotFound
    ? "no such directory"
    : error instanceof Deno.errors.PermissionDenied
    ? "permission denied"
    : describeError(error);
  return new SentinelError("config.license", `cannot write license file ${path}: ${reason}`, {
    cause: error,
  });
}
