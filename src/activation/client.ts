import type { Host } from "../platform/host.ts";
import { describeCauses, describeError } from "../core/errors.ts";
import { joinBytes } from "../core/files.ts";
import { decodeUtf8 } from "../core/strict_json.ts";
import type { Sign, Verify } from "../signing/ecdsa.ts";
import { judgeAnswer, type RawAnswer, type ServerAnswer } from "./answer.ts";
import {
  ACTIVATE_PATH,
  type ActivateRequest,
  DECOMMISSION_ACK_PATH,
  type DecommissionAckRequest,
  HEARTBEAT_PATH,
  type HeartbeatRequest,
  MAX_BODY_BYTES,
} from "./messages.ts";
import { linkNonce } from "./nonce_chain.ts";
import { encodeMachineName } from "../core/machine_name.ts";
import { MACHINE_NAME_HEADER, signRequest } from "./signed_request.ts";

/** Patterns in the runtime's messages (hyper, rustls, the system's resolver) and the fault they stand for; first match wins. */
const FAULT_PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/dns error|failed to lookup|name or service not known/i, "DNS"],
  [
    /UnknownIssuer|self.signed/i,
    "TLS: the certificate's issuer is not trusted, --ca-file can name it",
  ],
  [/certificate (?:has )?expired|: Expired/i, "TLS: the certificate has expired"],
  [/NotValidForName|not valid for name/i, "TLS: the certificate is for another name"],
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

/** Describes a failed request in a few words for the log: `DNS`, `refused`, `reset`, `timeout`, `TLS: …`, … */
export function describeConnectionFault(error: unknown): string {
  const text = [describeError(error), ...describeCauses(error)].join(" | ");
  return FAULT_PATTERNS.find(([pattern]) => pattern.test(text))?.[1] ?? text;
}

/** Limit of one request, from connect to the last byte. */
const REQUEST_TIMEOUT_MS = 30_000;

/** After this time without an answer, a person who waits learns why. */
const SLOW_MS = 3_000;

interface ClientDependencies extends Pick<Host, "clock" | "newUuid"> {
  /** The license server's base URL. */
  readonly serverUrl: string;
  /** Signs with the machine's private key. */
  readonly sign: Sign;
  /** Verifies with the organization's public key. */
  readonly verify: Verify;
  readonly fetch: typeof fetch;
  /** This machine's name at an activation, for people. */
  readonly machineName?: string | undefined;
}

/** Options of one request. */
export interface RequestOptions {
  /** The newest signed time seen so far, 0 before the first. */
  readonly lastRespondedAtMs: number;
  /** The nonce of the last request that was answered, which the new one names. */
  readonly answeredNonce?: string | undefined;
  /** Ends the request early as `unreachable`; a string as its reason becomes `why`. */
  readonly signal: AbortSignal;
  /** The request's nonce, a UUID v4 (default: a new one). */
  readonly nonce?: string;
  /** Called with the server's URL if the answer takes long, for a person who waits for it. */
  readonly onSlow?: (serverUrl: string) => void;
}

/** The license server's API. Every failure is a {@linkcode ServerAnswer}; no call rejects. */
export interface LicenseServerApi {
  activate(request: ActivateRequest, options: RequestOptions): Promise<ServerAnswer>;
  heartbeat(request: HeartbeatRequest, options: RequestOptions): Promise<ServerAnswer>;
  acknowledgeDecommission(
    request: DecommissionAckRequest,
    options: RequestOptions,
  ): Promise<ServerAnswer>;
}

/** Calls the license server over HTTP. */
export class LicenseServerClient implements LicenseServerApi {
  readonly #deps: ClientDependencies;

  constructor(dependencies: ClientDependencies) {
    this.#deps = dependencies;
  }

  activate(request: ActivateRequest, options: RequestOptions): Promise<ServerAnswer> {
    const { machineName } = this.#deps;
    const headers = machineName !== undefined && {
      [MACHINE_NAME_HEADER]: encodeMachineName(machineName),
    };
    return this.#post(ACTIVATE_PATH, request, { ...options, ...(headers && { headers }) });
  }

  heartbeat(request: HeartbeatRequest, options: RequestOptions): Promise<ServerAnswer> {
    return this.#post(HEARTBEAT_PATH, request, options);
  }

  acknowledgeDecommission(
    request: DecommissionAckRequest,
    options: RequestOptions,
  ): Promise<ServerAnswer> {
    return this.#post(DECOMMISSION_ACK_PATH, request, options);
  }

  async #post(
    path: string,
    request: { readonly machine_id: string; readonly license_key: string },
    options: RequestOptions & { readonly headers?: Readonly<Record<string, string>> },
  ): Promise<ServerAnswer> {
    const { lastRespondedAtMs, answeredNonce, signal, onSlow, headers: unsigned } = options;
    const { clock, newUuid, serverUrl, sign, verify } = this.#deps;
    const nonce = options.nonce ?? linkNonce(newUuid(), answeredNonce);
    const timestamp = String(Math.floor(clock.wallMs() / 1000));
    const body = new TextEncoder().encode(JSON.stringify(request));
    const stamp = { machineId: request.machine_id, timestamp, nonce };
    const headers = {
      "Content-Type": "application/json",
      ...unsigned,
      ...await signRequest(path, stamp, { body, sign }),
    };
    using _patience = this.#startPatience(onSlow);
    const raw = await this.#exchange(serverUrl.replace(/\/+$/, "") + path, {
      headers,
      body,
      signal,
    });
    if (typeof raw === "string") return { kind: "unreachable", why: raw };
    return await judgeAnswer(raw, {
      nonce,
      machineId: request.machine_id,
      licenseKey: request.license_key,
      wallMs: clock.wallMs(),
      lastRespondedAtMs,
      verify,
    });
  }

  #startPatience(onSlow: RequestOptions["onSlow"]): Disposable {
    const answered = new AbortController();
    if (onSlow !== undefined) {
      const { clock, serverUrl } = this.#deps;
      clock.sleep(SLOW_MS, answered.signal).then(() => {
        if (!answered.signal.aborted) onSlow(serverUrl);
      });
    }
    return { [Symbol.dispose]: () => answered.abort() };
  }

  /** Sends the request; returns the answer, or why none came. Follows no redirect: the signature is for this server. */
  async #exchange(
    url: string,
    { headers, body, signal }: {
      headers: Record<string, string>;
      body: Uint8Array<ArrayBuffer>;
      signal: AbortSignal;
    },
  ): Promise<RawAnswer | string> {
    const limit = this.#deps.clock.timeout(REQUEST_TIMEOUT_MS);
    try {
      const response = await this.#deps.fetch(url, {
        method: "POST",
        headers,
        body,
        redirect: "manual",
        signal: AbortSignal.any([signal, limit]),
      });
      const location = response.headers.get("location") ?? undefined;
      const retryAfterMs = readRetryAfterMs(response.headers);
      const text = await readBounded(response);
      return { status: response.status, location, retryAfterMs, body: text };
    } catch (error) {
      if (signal.aborted) return typeof signal.reason === "string" ? signal.reason : "stopped";
      return limit.aborted ? "timeout" : describeConnectionFault(error);
    }
  }
}

function readRetryAfterMs(headers: Headers): number | undefined {
  const text = headers.get("retry-after") ?? "";
  return /^\d{1,9}$/.test(text) ? Number(text) * 1000 : undefined;
}

/** Reads the body as text; `undefined` if it exceeds the limit or is not UTF-8. Buffers no more than the limit. */
async function readBounded(response: Response): Promise<string | undefined> {
  const { headers } = response;
  const declaredLength = Number(headers.get("content-length") ?? NaN);
  // Content-Length counts compressed bytes, and the runtime decompresses
  const isCompressed = headers.has("content-encoding");
  if (declaredLength <= MAX_BODY_BYTES && !isCompressed) return decodeUtf8(await response.bytes());
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return decodeUtf8(joinBytes(chunks));
}
