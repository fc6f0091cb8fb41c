import { describeError } from "../core/errors.ts";
import { decodeUtf8 } from "../core/strict_json.ts";
import { LicenseError } from "./errors.ts";

/** Limit of a licence file. */
export const MAX_LICENSE_BYTES = 1024 * 1024;

/**
 * The text of a licence file. Never reads more than the limit, whatever the file system says of its size, and never
 * waits for a writer: what is no regular file is not opened.
 *
 * @throws {LicenseError}
 */
export async function readLicenseFile(path: string): Promise<string> {
  const bytes = await readBounded(path);
  if (bytes.length > MAX_LICENSE_BYTES) {
    throw new LicenseError("license.too_large", "license file is larger than 1 MiB");
  }
  const text = decodeUtf8(bytes);
  if (text === undefined) {
    throw new LicenseError("license.malformed", "invalid license file: malformed JSON");
  }
  return text;
}

async function readBounded(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const info = await Deno.stat(path);
    if (!info.isFile) {
      const kind = info.isDirectory ? "a folder" : "not a regular file";
      throw new LicenseError(
        "license.unreadable",
        `license file cannot be read: ${path} is ${kind}`,
      );
    }
    using file = await Deno.open(path);
    const buffer = new Uint8Array(Math.min(info.size, MAX_LICENSE_BYTES) + 1);
    let length = 0;
    while (length < buffer.length) {
      const count = await file.read(buffer.subarray(length));
      if (count === null) break;
      length += count;
    }
    return buffer.subarray(0, length);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): LicenseError {
  if (error instanceof LicenseError) return error;
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return new LicenseError("license.not_found", `license file not found: ${path}`);
  }
  const reason = error instanceof Deno.errors.PermissionDenied
    ? "permission denied"
    : describeError(error);
  return new LicenseError(
    "license.unreadable",
    `license file cannot be read: ${path} (${reason})`,
    {
      cause: error,
    },
  );
}
