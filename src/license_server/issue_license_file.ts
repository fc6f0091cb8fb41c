import { describeError, SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { writeAll } from "../core/files.ts";
import { formatUtcDate } from "../license/payload.ts";
import { encodeBase64Url } from "../signing/envelope.ts";
import { checksumFile } from "./checksum.ts";
import { issueLicense, type LicenseTerms, makeLicenseKey, registerLicense } from "./issue.ts";
import { readSigningKey } from "./keys.ts";
import type { LicenseStore } from "./store.ts";

/** What is asked for; the license's key, its first day and its checksum are found where they are not given. */
export interface IssueRequest {
  readonly terms:
    & Omit<LicenseTerms, "licenseKey" | "issueDate" | "softwareChecksum">
    & {
      readonly licenseKey: string | undefined;
      readonly issueDate: string | undefined;
    };
  /** The organization's private key. */
  readonly keyPath: string;
  /** The software whose SHA-256 goes into the license. */
  readonly checksumPath: string | undefined;
  /** Where the license goes; what is there is replaced. */
  readonly outPath: string;
}

/** What issuing reaches for; `openStore` is absent where the license is not registered. */
export interface IssueTools {
  readonly log: Logger;
  readonly nowMs: number;
  readonly actor: string;
  randomBytes(length: number): Uint8Array<ArrayBuffer>;
  readonly openStore: (() => Promise<LicenseStore>) | undefined;
}

/**
 * Issues a license file and registers the license; gives its key. The file appears only once the license is registered,
 * and nothing is registered when the file cannot be written there.
 *
 * @throws {SentinelError} `config.…` in one line for the operator.
 */
export async function issueLicenseFile(request: IssueRequest, tools: IssueTools): Promise<string> {
  const sign = await readSigningKey(request.keyPath, tools.log);
  const { terms, checksumPath } = request;
  const { license, fileText } = await issueLicense({
    ...terms,
    licenseKey: terms.licenseKey ?? makeLicenseKey(tools.randomBytes),
    issueDate: terms.issueDate ?? formatUtcDate(tools.nowMs),
    softwareChecksum: checksumPath === undefined ? undefined : await checksumFile(checksumPath),
  }, sign);
  const suffix = encodeBase64Url(tools.randomBytes(9));
  await using file = await prepareFile(
    request.outPath,
    fileText,
    `${request.outPath}.${suffix}.tmp`,
  );
  if (tools.openStore !== undefined) {
    await using store = await tools.openStore();
    await registerLicense(store, license, { atMs: tools.nowMs, actor: tools.actor });
  }
  await file.publish();
  return license.license_key;
}

interface PreparedFile extends AsyncDisposable {
  /** Gives the file its name, in one step. */
  publish(): Promise<void>;
}

/** Writes a file under a temporary name beside its own; it is gone again unless it is published. */
async function prepareFile(path: string, text: string, temporary: string): Promise<PreparedFile> {
  let isPublished = false;
  try {
    await refuseFolder(path);
    using file = await Deno.open(temporary, { write: true, createNew: true });
    await writeAll(file, new TextEncoder().encode(text));
    await file.sync();
  } catch (error) {
    await Deno.remove(temporary).catch(() => undefined);
    throw unwritable(path, error);
  }
  return {
    async publish() {
      await Deno.rename(temporary, path).catch((error) => {
        throw unwritable(path, error);
      });
      isPublished = true;
    },
    async [Symbol.asyncDispose]() {
      if (!isPublished) await Deno.remove(temporary).catch(() => undefined);
    },
  };
}

async function refuseFolder(path: string): Promise<void> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info?.isDirectory) throw new Error("it is a folder");
}

function unwritable(path: string, error: unknown): SentinelError {
  const reason = error instanceof Deno.errors.NotFound
    ? "no such folder"
    : error instanceof Deno.errors.PermissionDenied
    ? "permission denied"
    : describeError(error);
  return new SentinelError("config.license", `cannot write license file ${path}: ${reason}`, {
    cause: error,
  });
}
