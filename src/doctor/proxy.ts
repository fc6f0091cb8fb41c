import { BlockList, isIP } from "node:net";
import type { Env } from "../core/process.ts";

/** Default ports of the proxies that the runtime knows. */
const PROXY_PORTS: Readonly<Record<string, number>> = {
  "http:": 80,
  "https:": 443,
  "socks5:": 1080,
  "socks5h:": 1080,
};

/** The host to connect to first; `hostname` without brackets, `scheme` without its colon. */
export interface ProxyHop {
  readonly hostname: string;
  readonly port: number;
  readonly scheme: string;
}

/**
 * Finds the proxy that the runtime's `fetch` uses for a URL.
 *
 * The first usable variable decides: `ALL_PROXY` beats those of a scheme, upper case beats lower case. A program run by CGI
 * ignores `HTTP_PROXY`, which the header `Proxy` of a request sets.
 */
export function findProxy(url: URL, env: Env): ProxyHop | undefined {
  const scheme = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const isCgi = scheme === "HTTP_PROXY" && env("REQUEST_METHOD") !== undefined;
  for (const name of ["ALL_PROXY", ...(isCgi ? [] : [scheme])]) {
    const proxy = parseProxy(env(name)) ?? parseProxy(env(name.toLowerCase()));
    if (proxy !== undefined) return isExempt(url.hostname, env) ? undefined : proxy;
  }
  return undefined;
}

function parseProxy(value: string | undefined): ProxyHop | undefined {
  if (value === undefined || /\s/.test(value)) return undefined;
  const hasScheme = value.includes("://");
  if (!hasScheme && value.includes("/")) return undefined;
  const url = URL.parse(hasScheme ? value : `http://${value}`);
  const defaultPort = url === null ? undefined : PROXY_PORTS[url.protocol];
  if (url === null || defaultPort === undefined) return undefined;
  return {
    hostname: removeBrackets(url.hostname),
    port: Number(url.port || defaultPort),
    scheme: url.protocol.slice(0, -1),
  };
}

/** Whether `NO_PROXY` names the host: by a domain it is or is in, by `*`, or an address by its network. */
function isExempt(hostname: string, env: Env): boolean {
  const entries = (env("NO_PROXY") ?? env("no_proxy") ?? "").split(",").map((entry) =>
    entry.trim()
  );
  const host = removeBrackets(hostname);
  if (isIP(host) !== 0) return entries.some((entry) => isInNetwork(host, entry));
  return entries.some((entry) => {
    const domain = entry.replace(/^\./, "");
    return domain === "*" || domain !== "" && (host === domain || host.endsWith(`.${domain}`));
  });
}

/** Whether an address is in a network, `ADDRESS/BITS`, or is the address. */
function isInNetwork(address: string, entry: string): boolean {
  const [network = "", bits] = entry.split("/");
  const version = isIP(network);
  if (version === 0 || version !== isIP(address)) return false;
  const family = version === 4 ? "ipv4" : "ipv6";
  const longest = version === 4 ? 32 : 128;
  const prefix = bits === undefined ? longest : /^\d+$/.test(bits) ? Number(bits) : NaN;
  if (!(prefix <= longest)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family);
  return list.check(address, family);
}

/** Returns an IPv6 address as sockets take it. */
export function removeBrackets(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}
