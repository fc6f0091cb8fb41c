import config from "../../../deno.json" with { type: "json" };
import type { Profile } from "../../core/build_info.ts";
import { isWindows, type Target } from "./targets.ts";

/** Kinds of access that a program can be given, with their flags `--allow-…`. */
const KINDS = ["read", "write", "env", "net", "run", "ffi", "sys"] as const;
type Kind = (typeof KINDS)[number];

/** One named set of `deno.json`: `true` is all of a kind, a list is these, absent is nothing. */
export type PermissionSet = { readonly [kind in Kind]?: boolean | readonly string[] };

/** What a vendor knows of its customers, and permissions can be narrowed to. */
export interface Narrowing {
  readonly target: Target;
  readonly serverUrl?: string | undefined;
  /** The program to launch: absolute, on the customer's machine. */
  readonly softwarePath?: string | undefined;
}

/** A run's own places on the network: probes of the software's health, and where it is asked for. */
const LOOPBACK = ["127.0.0.1", "[::1]", "localhost"];

/** The named set of `deno.json`. */
export function permissionSet(profile: Profile): PermissionSet {
  return config.permissions[profile];
}

/**
 * The set, without what these customers do not need.
 *
 * The network is narrowed on Windows alone: elsewhere the runtime counts local sockets to it and wants each named by its
 * whole path, which depends on the user and on the software.
 */
export function narrow(
  set: PermissionSet,
  { target, serverUrl, softwarePath }: Narrowing,
): PermissionSet {
  const isNetKnown = serverUrl !== undefined && isWindows(target);
  return {
    ...set,
    ...(isNetKnown && { net: [hostAndPort(serverUrl), ...LOOPBACK] }),
    ...(softwarePath !== undefined && { run: [softwarePath] }),
  };
}

/** The set as flags of `deno run` and `deno compile`. */
export function permissionFlags(set: PermissionSet): string[] {
  return KINDS.flatMap((kind) => {
    const allowed = set[kind] ?? false;
    if (typeof allowed === "boolean") return allowed ? [`--allow-${kind}`] : [];
    return allowed.length === 0 ? [] : [`--allow-${kind}=${allowed.map(escapeComma).join(",")}`];
  });
}

/** A comma of a value is written twice. */
function escapeComma(value: string): string {
  return value.replaceAll(",", ",,");
}

function hostAndPort(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}
