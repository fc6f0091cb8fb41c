import { SentinelError } from "../core/errors.ts";

/** A host name or IP address of a server. */
export interface HostName {
  readonly type: "dns" | "ip";
  /** Normalized: lower case, IPv6 addresses shortened. */
  readonly value: string;
}

const MAX_LENGTH = 253;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
/** Letters, digits and hyphens (RFC 1123, 2.1); the last label is not numeric, as in an address. */
const NAME =
  /^(?:\*\.)?(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)*(?!\d+$)[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/;

/** Parses a host name or an IP address; `undefined` if the text is neither. */
export function parseHostName(text: string): HostName | undefined {
  if (IPV4.test(text)) return { type: "ip", value: text };
  if (/^[\da-f:.]*:[\da-f:.]*$/i.test(text)) return parseIpv6(text);
  const value = text.toLowerCase();
  return value.length <= MAX_LENGTH && NAME.test(value) ? { type: "dns", value } : undefined;
}

/**
 * Parses a host name or an IP address from an option.
 *
 * @throws {SentinelError} `usage.host_name` if it is neither.
 */
function requireHostName(text: string): HostName {
  const name = parseHostName(text);
  if (name !== undefined) return name;
  throw new SentinelError("usage.host_name", `neither a host name nor an IP address: ${text}`);
}

function parseIpv6(text: string): HostName | undefined {
  const { hostname } = URL.parse(`http://[${text}]/`) ?? {};
  return hostname && { type: "ip", value: hostname.slice(1, -1) } || undefined;
}

/** Role of a client: `observe` may read, `control` may also start and stop processes. */
export type Role = "observe" | "control";

/** Holder of a certificate, which determines all that the certificate grants. */
export interface Holder {
  readonly kind: "server" | "client";
  /** The certificate's CN. */
  readonly name: string;
  /** The certificate's OU; clients only. */
  readonly role?: Role;
  /** A server's names, its CN first; empty for a client. */
  readonly hosts: readonly HostName[];
}

/** RFC 5280, appendix A.1: ub-common-name. */
const MAX_NAME_CHARACTERS = 64;

/**
 * Creates the holder of a server certificate.
 *
 * @param name Host name or address, which becomes the CN.
 * @param others Further host names and addresses.
 * @throws {SentinelError} `usage.host_name`, or `usage.name` if the name is too long for a CN.
 */
export function createServerHolder(name: string, others: readonly string[]): Holder {
  const own = requireHostName(name);
  const hosts = [own, ...others.map(requireHostName)];
  const isFirst = ({ value }: HostName, i: number) =>
    hosts.findIndex((host) => host.value === value) === i;
  return { kind: "server", name: checkName(own.value), hosts: hosts.filter(isFirst) };
}

/**
 * Creates the holder of a client certificate.
 *
 * @throws {SentinelError} `usage.name` if the name is not usable as a CN.
 */
export function createClientHolder(name: string, role: Role): Holder {
  return { kind: "client", name: checkName(name), role, hosts: [] };
}

/**
 * Returns the name if it is usable as a CN: not too long, and without invisible characters.
 *
 * @throws {SentinelError} `usage.name`.
 */
export function checkName(name: string): string {
  const length = [...name].length;
  if (length === 0 || length > MAX_NAME_CHARACTERS) {
    const limits = `1 to ${MAX_NAME_CHARACTERS} characters`;
    throw new SentinelError("usage.name", `a certificate's name has ${limits}: this has ${length}`);
  }
  if (name !== name.trim() || /[\p{C}\p{Zl}\p{Zp}]/u.test(name)) {
    const shown = JSON.stringify(name);
    const faults = "space at its ends or characters that cannot be seen";
    throw new SentinelError("usage.name", `a certificate's name has no ${faults}: ${shown}`);
  }
  return name;
}
