import type { Host } from "../platform/host.ts";
import { describeCauses, describeError } from "../core/errors.ts";
import { joinBytes } from "../core/files.ts";
import { decodeUtf8 } from "../core/strict_json.ts";
import type { Sign, Verify } from "../signing/ecdsa.ts";
import { type Answer, judgeAnswer, type RawAnswer } from "./answer.ts";
import {
  ACTIVATE_PATH,
  type ActivateRequest,
  DECOMMISSION_ACK_PATH,
  type DecommissionAckRequest,
  HEARTBEAT_PATH,
  type HeartbeatRequest,
  MAX_BODY_BYTES,
} from "./messages.ts";
import { signRequest } from "./signed_request.ts";

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

/** How long a request may take, from connect to the last byte. */
const REQUEST_TIMEOUT_MS = 30_000;

/** What the client works with. */
interface ClientDependencies extends Pick<Host, "clock" | "newUuid"> {
  /** The license server's base URL. */
  readonly serverUrl: string;
  /** As the machine. */
  readonly sign: Sign;
  /** With the organization's public key. */
  readonly verify: Verify;
  readonly fetch: typeof fetch;
}

/** How one request is made. */
export interface RequestOptions {
  readonly lastRespondedAtMs: number;
  /** Ends the request early, as `unreachable`; a text as its reason says why. */
  readonly signal: AbortSignal;
}

/** The license server as a lease sees it. Every failure is an {@linkcode Answer}; nothing is thrown. */
export interface LicenseServer {
  activate(request: ActivateRequest, options: RequestOptions): Promise<Answer>;
  heartbeat(request: HeartbeatRequest, options: RequestOptions): Promise<Answer>;
  acknowledgeDecommission(
    request: DecommissionAckRequest,
    options: RequestOptions,
  ): Promise<Answer>;
}

/** Asks the license server over HTTP. */
export class LicenseServerClient implements LicenseServer {
  readonly #deps: ClientDependencies;

  constructor(dependencies: ClientDependencies) {
    this.#deps = dependencies;
  }

  activate(request: ActivateRequest, options: RequestOptions): Promise<Answer> {
    return this.#post(ACTIVATE_PATH, request, options);
  }

  heartbeat(request: HeartbeatRequest, options: RequestOptions): Promise<Answer> {
    return this.#post(HEARTBEAT_PATH, request, options);
  }

  acknowledgeDecommission(
    request: DecommissionAckRequest,
    options: RequestOptions,
  ): Promise<Answer> {
    return this.#post(DECOMMISSION_ACK_PATH, request, options);
  }

  async #post(
    path: string,
    request: { readonly machine_id: string; readonly license_key: string },
    { lastRespondedAtMs, signal }: RequestOptions,
  ): Promise<Answer> {
    const { clock, newUuid, serverUrl, sign, verify } = this.#deps;
    const nonce = newUuid();
    const timestamp = String(Math.floor(clock.wallMs() / 1000));
    const body = new TextEncoder().encode(JSON.stringify(request));
    const stamp = { machineId: request.machine_id, timestamp, nonce };
    const headers = {
      "Content-Type": "application/json",
      ...await signRequest(path, stamp, { body, sign }),
    };
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

  /** The answer, or why there was none. A redirect is not followed: what is signed is for this server. */
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
      return { status: response.status, body: await readBounded(response) };
    } catch (error) {
      if (signal.aborted) return typeof signal.reason === "string" ? signal.reason : "stopped";
      return limit.aborted ? "timeout" : describeConnectionFault(error);
    }
  }
}

/** The body as text, or `undefined` where it is larger than allowed or no UTF-8; never holds more than the limit. */
async function readBounded(response: Response): Promise<string | undefined> {
  const { headers } = response;
  const announced = Number(headers.get("content-length") ?? NaN);
  // of a packed body it is the packed length that is announced, and the runtime unpacks it
  const isPacked = headers.has("content-encoding");
  if (announced <= MAX_BODY_BYTES && !isPacked) return decodeUtf8(await response.bytes());
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return decodeUtf8(joinBytes(chunks));
}
