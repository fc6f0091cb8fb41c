import { describeCauses, describeError } from "../core/errors.ts";

/** Words in the runtime's messages (hyper, rustls, the system's resolver) and what they mean, first match first. */
const SIGNS: readonly (readonly [RegExp, string])[] = [
  [/dns error|failed to lookup|name or service not known/i, "DNS"],
  [/certificate|tls|handshake|invalid peer|corrupt message/i, "TLS"],
  [/connection refused|os error 111|os error 61\b|os error 10061/i, "refused"],
  [/connection reset|os error 104|os error 54\b|os error 10054/i, "reset"],
  [/timed out|os error 110|os error 60\b|os error 10060/i, "timeout"],
  [
    /connection closed|incomplete|unexpected eof|end of file|error reading a body/i,
    "connection closed in mid-answer",
  ],
  [/unreachable|os error 101|os error 113/i, "no route"],
];

/** Why a request had no answer, in a word or two for the log: `DNS`, `refused`, `reset`, `timeout`, `TLS`, … */
export function describeConnectionFault(error: unknown): string {
  const text = [describeError(error), ...describeCauses(error)].join(" | ");
  return SIGNS.find(([sign]) => sign.test(text))?.[1] ?? text;
}
