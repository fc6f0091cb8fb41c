import { describeError, SentinelError } from "../core/errors.ts";
import { readSmallText } from "../core/files.ts";

/** Larger than any system's bundle of certificates. */
const MAX_BUNDLE_BYTES = 4 * 1024 * 1024;

/** The file named as certificates to trust has none (exit status 2). */
export class CaFileError extends SentinelError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("config.ca_file", message, options);
  }
}

/** A `fetch` with its connections, which are closed when it is disposed of. */
export interface TrustedFetch extends Disposable {
  readonly fetch: typeof fetch;
  /** The certificates, as they stand in the file. */
  readonly pem: string;
}

/**
 * A `fetch` that trusts the certificates of a PEM file besides the usual ones. `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`
 * are honored, as by the runtime's own.
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
