import { SentinelError } from "../core/errors.ts";

/** What a client may know a server by. */
export interface HostName {
  readonly type: "dns" | "ip";
  /** In its usual form: lower case, an IPv6 address shortened. */
  readonly value: string;
}

const MAX_LENGTH = 253;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
/** Letters, digits and hyphens (RFC 1123, 2.1); what ends in a number is read as an address. */
const NAME =
  /^(?:\*\.)?(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)*(?!\d+$)[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/;

/** A host name or an IP address, or `undefined` where it is neither. */
export function hostNameOf(text: string): HostName | undefined {
  if (IPV4.test(text)) return { type: "ip", value: text };
  if (/^[\da-f:.]*:[\da-f:.]*$/i.test(text)) return ipv6Of(text);
  const value = text.toLowerCase();
  return value.length <= MAX_LENGTH && NAME.test(value) ? { type: "dns", value } : undefined;
}

/**
 * A host name or an IP address that an option names.
 *
 * @throws {SentinelError} `usage.host_name` where it is neither.
 */
function requiredHostName(text: string): HostName {
  const name = hostNameOf(text);
  if (name !== undefined) return name;
  throw new SentinelError("usage.host_name", `neither a host name nor an IP address: ${text}`);
}

function ipv6Of(text: string): HostName | undefined {
  const { hostname } = URL.parse(`http://[${text}]/`) ?? {};
  return hostname && { type: "ip", value: hostname.slice(1, -1) } || undefined;
}

/** What a client may do: look (`observe`), or also start and stop (`control`). */
export type Role = "observe" | "control";

/** Whom a certificate is for, and so all that it grants. */
export interface Holder {
  readonly kind: "server" | "client";
  /** The certificate's CN. */
  readonly name: string;
  /** The certificate's OU: a client's. */
  readonly role?: Role;
  /** Names that a server is known by, its CN the first; a client has none. */
  readonly hosts: readonly HostName[];
}

/** RFC 5280, appendix A.1: ub-common-name. */
const MAX_NAME_CHARACTERS = 64;

/**
 * A server that is known by a host name or address, and perhaps by others.
 *
 * @throws {SentinelError} `usage.host_name`, or `usage.name` where the name is too long for a CN.
 */
export function serverHolder(name: string, others: readonly string[]): Holder {
  const own = requiredHostName(name);
  const hosts = [own, ...others.map(requiredHostName)];
  const isFirst = ({ value }: HostName, i: number) =>
    hosts.findIndex((host) => host.value === value) === i;
  return { kind: "server", name: checkName(own.value), hosts: hosts.filter(isFirst) };
}

/**
 * A client with what it may do.
 *
 * @throws {SentinelError} `usage.name` where the name cannot be a CN.
 */
export function clientHolder(name: string, role: Role): Holder {
  return { kind: "client", name: checkName(name), role, hosts: [] };
}

/**
 * Gives a name back that can be a CN: as long as that may be, and shown as it is in logs.
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
