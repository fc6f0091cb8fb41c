import { isHttpUrl } from "./text.ts";

/** A health probe of the software, from `[health] probe`. */
export type ProbeSpec =
  | { readonly kind: "none" }
  | { readonly kind: "ipc" }
  | { readonly kind: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly kind: "http"; readonly url: string }
  /** Words separated by spaces; no shell. */
  | { readonly kind: "exec"; readonly command: string; readonly args: readonly string[] };

/** Parses `none`, `ipc`, `tcp:HOST:PORT`, `http:URL` or `exec:CMD`; `undefined` if the text is none of these. */
export function parseProbe(text: string): ProbeSpec | undefined {
  if (text === "none" || text === "ipc") return { kind: text };
  const [, kind, rest = ""] = /^(tcp|http|exec):(.*)$/.exec(text) ?? [];
  switch (kind) {
    case "tcp":
      return parseTcp(rest);
    case "http":
      return parseHttp(rest);
    case "exec":
      return parseExec(rest);
    default:
      return undefined;
  }
}

function parseTcp(text: string): ProbeSpec | undefined {
  const [, bracketed, plain, digits] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(text) ?? [];
  const hostname = bracketed ?? plain, port = Number(digits);
  return hostname === undefined || port < 1 || port > 65_535
    ? undefined
    : { kind: "tcp", hostname, port };
}

function parseHttp(text: string): ProbeSpec | undefined {
  return isHttpUrl(text) ? { kind: "http", url: text } : undefined;
}

function parseExec(text: string): ProbeSpec | undefined {
  const [command, ...args] = text.split(/\s+/).filter((word) => word !== "");
  return command === undefined ? undefined : { kind: "exec", command, args };
}
