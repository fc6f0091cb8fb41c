import { describeError, SentinelError } from "../core/errors.ts";
import { readSmallText } from "../core/files.ts";

/** Well above the size of any system's CA bundle. */
const MAX_BUNDLE_BYTES = 4 * 1024 * 1024;

/** The CA file cannot be read or has no certificate (exit status 2). */
export class CaFileError extends SentinelError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("config.ca_file", message, options);
  }
}

/** A `fetch` that owns its connections; disposal closes them. */
export interface TrustedFetch extends Disposable {
  readonly fetch: typeof fetch;
  /** The file's text. */
  readonly pem: string;
}

/**
 * Opens a `fetch` that trusts a PEM file's certificates in addition to the default ones. Honors `HTTPS_PROXY`, `HTTP_PROXY`
 * and `NO_PROXY`, as the global `fetch` does.
 *
 * @throws {CaFileError}
 */
export async function openTrustedFetch(caFile: string): Promise<TrustedFetch> {
  const pem = await readPem(caFile);
  const client = openClient(caFile, pem);
  return {
    fetch: (input, init) => fetch(input, { ...init, client }),
    pem,
    [Symbol.dispose]: () => client.close(),
  };
}

async function readPem(path: string): Promise<string> {
  try {
    return (await readSmallText(path, MAX_BUNDLE_BYTES)).text;
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound ? "not found" : describeError(cause);
    throw new CaFileError(`CA file cannot be read: ${path} (${reason})`, { cause });
  }
}

function openClient(path: string, pem: string): Deno.HttpClient {
  const broken = `CA file has no certificate (PEM): ${path}`;
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new CaFileError(broken);
  try {
    return Deno.createHttpClient({ caCerts: [pem] });
  } catch (cause) {
    throw new CaFileError(broken, { cause });
  }
}
