import { join } from "@std/path";
import type { PublicKey, X509Certificate } from "@peculiar/x509";
import { systemClock } from "../core/clock.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import { type NewFile, readConfigFile, warnOfExposedFile, writeNewFiles } from "../core/files.ts";
import type { Logger } from "../core/log.ts";
import { encodeCertificate, makeKey } from "../pki/certificate.ts";
import { createClientHolder, createServerHolder, type Holder, type Role } from "../pki/holder.ts";
import { issueCertificate } from "../pki/issue.ts";
import { makeAuthority, openAuthority, type SigningAuthority } from "../pki/signing_authority.ts";
import { readSigningRequest } from "../pki/signing_request.ts";

/** A certificate on disk. */
export interface WrittenCertificate {
  readonly certificatePath: string;
  /** Absent if a request was signed. */
  readonly keyPath?: string;
  readonly validUntil: Date;
}

/** Holder of a certificate, as the command line describes it. */
type HolderTerms =
  | { readonly kind: "server"; readonly name: string; readonly others: readonly string[] }
  | { readonly kind: "client"; readonly name: string; readonly role: Role };

/**
 * Creates a CA: `ca.pem` and `ca.key` (0600) in a directory.
 *
 * @throws {SentinelError} `config.…`, `usage.…` in one line for the operator.
 */
export async function writeAuthority(
  { folder, name, days }: { folder: string; name: string; days: number | undefined },
): Promise<WrittenCertificate> {
  return await write("ca", {
    folder,
    ...await makeAuthority({ name, days, ...getIssuingInputs() }),
  });
}

interface CertificateOrder {
  /** Directory of `ca.pem` and `ca.key`. */
  readonly authorityFolder: string;
  /** Directory to write to. */
  readonly folder: string;
  readonly holder: HolderTerms;
  readonly days: number | undefined;
  /** A request to sign, instead of creating a key. */
  readonly requestPath: string | undefined;
}

/**
 * Issues a certificate: `server.pem` and `server.key` (0600) in a directory, or `client.pem` and `client.key`.
 *
 * @throws {SentinelError} `config.…`, `usage.…` in one line for the operator.
 */
export async function writeCertificate(
  { authorityFolder, folder, holder: terms, days, requestPath }: CertificateOrder,
  log: Logger,
): Promise<WrittenCertificate> {
  const holder = toHolder(terms);
  const authority = await readAuthority(authorityFolder, log);
  const key = requestPath === undefined ? await makeKey() : await readRequest(requestPath, holder);
  const { publicKey } = key;
  const certificate = await issueCertificate(authority, {
    holder,
    publicKey,
    days,
    ...getIssuingInputs(),
  });
  return await write(holder.kind, { folder, certificate, keyPem: key.pem });
}

function toHolder(terms: HolderTerms): Holder {
  return terms.kind === "server"
    ? createServerHolder(terms.name, terms.others)
    : createClientHolder(terms.name, terms.role);
}

function getIssuingInputs(): { nowMs: number; randomBytes: (length: number) => Uint8Array } {
  return {
    nowMs: systemClock.wallMs(),
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  };
}

async function readAuthority(folder: string, log: Logger): Promise<SigningAuthority> {
  const keyPath = join(folder, "ca.key"), what = "CA key file", code = "config.tls";
  const certificate = await readConfigFile(join(folder, "ca.pem"), { what: "CA file", code });
  const key = await readConfigFile(keyPath, { what, code });
  const authority = await openAuthority({
    certificatePem: certificate.text,
    keyPem: key.text,
    nowMs: systemClock.wallMs(),
  });
  warnOfExposedFile({ path: keyPath, mode: key.mode, what }, log);
  return authority;
}

async function readRequest(
  path: string,
  holder: Holder,
): Promise<{ publicKey: PublicKey; pem?: never }> {
  const { text } = await readConfigFile(path, {
    what: "certificate request",
    code: "config.request",
  });
  return { publicKey: await readSigningRequest(text, holder) };
}

async function write(
  name: "ca" | Holder["kind"],
  { folder, certificate, keyPem }: {
    folder: string;
    certificate: X509Certificate;
    keyPem: string | undefined;
  },
): Promise<WrittenCertificate> {
  const certificatePath = join(folder, `${name}.pem`), keyPath = join(folder, `${name}.key`);
  const files: NewFile[] = [{
    path: certificatePath,
    text: encodeCertificate(certificate),
    mode: 0o644,
  }];
  if (keyPem !== undefined) files.unshift({ path: keyPath, text: keyPem, mode: 0o600 });
  await writeAll(folder, files);
  return {
    certificatePath,
    ...(keyPem !== undefined && { keyPath }),
    validUntil: certificate.notAfter,
  };
}

async function writeAll(folder: string, files: readonly NewFile[]): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const outcome = await writeNewFiles(files);
    if (outcome.kind === "written") return;
    throw new SentinelError("config.file_exists", `file already exists: ${outcome.path}`);
  } catch (error) {
    if (error instanceof SentinelError) throw error;
    const message = `cannot write to ${folder}: ${describeError(error)}`;
    throw new SentinelError("config.out", message, { cause: error });
  }
}
