import { quoteIfNeeded } from "../core/text.ts";
import type { Role } from "./tls_session.ts";

/** An entry of the audit log; the writer adds the time. */
export interface AuditEntry {
  readonly action: "start" | "stop" | "restart" | "read" | "request" | "connect";
  /** `started`, `stopped`, `refused: …`. */
  readonly outcome: string;
  /** Address and port of the peer. */
  readonly address: string;
  /** The client, if its certificate was accepted. */
  readonly client?: { readonly cn: string; readonly role: Role } | undefined;
  /** Process id in the table. */
  readonly process?: string | undefined;
  readonly command?: string | undefined;
  readonly args?: readonly string[] | undefined;
  /** Method and path. */
  readonly request?: string | undefined;
}

/** Writes one line for each entry; must not throw. */
export type Audit = (entry: AuditEntry) => void;

const MAX_SHOWN_CHARACTERS = 300;

/** Text from a client as one word or quoted, so that it cannot end a line or imitate another field. */
export function quoteText(text: string, maxCharacters = MAX_SHOWN_CHARACTERS): string {
  const cut = cutShort(text, maxCharacters);
  return /^[\w.@:/+=-]+$/.test(cut) ? cut : escapeControl(JSON.stringify(cut));
}

/** Text from a client that cannot end a line or control a terminal. */
export function escapeText(text: string): string {
  return escapeControl(cutShort(text));
}

function escapeControl(text: string): string {
  return text.replaceAll(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function cutShort(text: string, maxCharacters = MAX_SHOWN_CHARACTERS): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}...` : text;
}

const MAX_COMMAND_CHARACTERS = 2_000;

/** Takes the place of a secret. */
const REDACTED = "***";

/** A command line for the audit log, as one word or quoted, without what the patterns match. */
export function formatCommandLine(
  { command, args = [] }: Pick<AuditEntry, "args"> & { readonly command: string },
  patterns: readonly RegExp[],
): string {
  const words = [command, ...args].map((word, index, all) =>
    quoteIfNeeded(redact(word, { before: all[index - 1], patterns }))
  );
  return quoteText(words.join(" "), MAX_COMMAND_CHARACTERS);
}

/**
 * Replaces what a pattern matches in a word. It is also matched together with the word before it, unless that one matches by
 * itself, so that one pattern finds a secret both in `--password=secret` and in `--password secret`.
 */
function redact(
  word: string,
  { before, patterns }: { before: string | undefined; patterns: readonly RegExp[] },
): string {
  const hidden = new Set<number>();
  const hide = (head: string, pattern: RegExp) => {
    for (const { index, 0: match } of (head + word).matchAll(pattern)) {
      for (let at = Math.max(index, head.length); at < index + match.length; at++) {
        hidden.add(at - head.length);
      }
    }
  };
  for (const pattern of patterns) {
    hide("", pattern);
    if (before !== undefined && before.search(pattern) === -1) hide(`${before} `, pattern);
  }
  return Array.from(
    { length: word.length },
    (_, at) => !hidden.has(at) ? word[at] : hidden.has(at - 1) ? "" : REDACTED,
  ).join("");
}

/** Compiles patterns (regular expressions of JavaScript). @throws {SyntaxError} */
export function parsePattern(source: string): RegExp {
  return new RegExp(source, "gsu");
}

/** Receives events for spans and metrics. */
export interface Telemetry {
  /** Starts a request; call the result with the HTTP status of the answer. */
  request(route: string, role: string): (status: number) => void;
  handshakeFailed(): void;
  processStarted(): void;
  /** An output stream opens or closes. */
  readers(change: 1 | -1): void;
  outputSent(bytes: number): void;
}

const NOTHING = () => {};

export const NO_TELEMETRY: Telemetry = {
  request: () => NOTHING,
  handshakeFailed: NOTHING,
  processStarted: NOTHING,
  readers: NOTHING,
  outputSent: NOTHING,
};
