import type { Role } from "./tls_session.ts";

/** Who did what, and what came of it; when, is up to whoever writes it down. */
export interface AuditEntry {
  readonly action: "start" | "stop" | "restart" | "request" | "connect";
  /** `started`, `stopped`, `refused: …`. */
  readonly outcome: string;
  /** The address and port of the other end. */
  readonly address: string;
  /** Where the certificate was accepted. */
  readonly client?: { readonly cn: string; readonly role: Role } | undefined;
  /** The process's id. */
  readonly process?: string | undefined;
  readonly command?: string | undefined;
  /** Method and path. */
  readonly request?: string | undefined;
}

/** Writes one line for each entry; must not throw. */
export type Audit = (entry: AuditEntry) => void;

const MAX_SHOWN_CHARACTERS = 300;

/** Text of a client's choice as one word or quoted, so that it can neither end a line nor look like another field. */
export function shown(text: string): string {
  const cut = cutShort(text);
  return /^[\w.@:/+=-]+$/.test(cut) ? cut : withoutControl(JSON.stringify(cut));
}

/** Text that cannot end a line or move a terminal's cursor. */
export function escaped(text: string): string {
  return withoutControl(cutShort(text));
}

function withoutControl(text: string): string {
  return text.replaceAll(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function cutShort(text: string): string {
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}...` : text;
}

/** What is told to whoever collects spans and metrics. */
export interface Telemetry {
  /** A request begins; the result is called with its status when it is answered. */
  request(route: string, role: string): (status: number) => void;
  handshakeFailed(): void;
  processStarted(): void;
  /** A stream of output begins or ends. */
  readers(change: 1 | -1): void;
  outputSent(bytes: number): void;
}

const NOTHING = () => {};

/** Nobody collects. */
export const NO_TELEMETRY: Telemetry = {
  request: () => NOTHING,
  handshakeFailed: NOTHING,
  processStarted: NOTHING,
  readers: NOTHING,
  outputSent: NOTHING,
};
