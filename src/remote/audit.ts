import type { Role } from "./tls_session.ts";

/** An entry of the audit log; the writer adds the time. */
export interface AuditEntry {
  readonly action: "start" | "stop" | "restart" | "request" | "connect";
  /** `started`, `stopped`, `refused: …`. */
  readonly outcome: string;
  /** Address and port of the peer. */
  readonly address: string;
  /** The client, if its certificate was accepted. */
  readonly client?: { readonly cn: string; readonly role: Role } | undefined;
  /** Process id in the table. */
  readonly process?: string | undefined;
  readonly command?: string | undefined;
  /** Method and path. */
  readonly request?: string | undefined;
}

/** Writes one line for each entry; must not throw. */
export type Audit = (entry: AuditEntry) => void;

const MAX_SHOWN_CHARACTERS = 300;

/** Text from a client as one word or quoted, so that it cannot end a line or imitate another field. */
export function quoteText(text: string): string {
  const cut = cutShort(text);
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

function cutShort(text: string): string {
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}...` : text;
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
