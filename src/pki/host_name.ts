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
export function requiredHostName(text: string): HostName {
  const name = hostNameOf(text);
  if (name !== undefined) return name;
  throw new SentinelError("usage.host_name", `neither a host name nor an IP address: ${text}`);
}

function ipv6Of(text: string): HostName | undefined {
  const { hostname } = URL.parse(`http://[${text}]/`) ?? {};
  return hostname && { type: "ip", value: hostname.slice(1, -1) } || undefined;
}
