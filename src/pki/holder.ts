import { SentinelError } from "../core/errors.ts";
import { type HostName, requiredHostName } from "./host_name.ts";

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
