import type * as v from "valibot";
import {
  ACTIVATE_PATH,
  type ActivateRequest,
  activateRequestSchema,
  DECOMMISSION_ACK_PATH,
  decommissionAckRequestSchema,
  HEARTBEAT_PATH,
  heartbeatRequestSchema,
  MAX_REQUEST_BYTES,
} from "../activation/messages.ts";
import type { Clock } from "../core/clock.ts";
import { readLink } from "../activation/nonce_chain.ts";
import {
  checkBody,
  type Checked,
  checkHeaders,
  checkSignature,
  checkTimestamp,
  KeyCache,
  readMachineName,
  readNonce,
  type SignedHeaders,
} from "./checks.ts";
import { type Refusal, REFUSALS } from "./refusals.ts";
import { describeError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { namePeer } from "../net/admission.ts";
import { Allowance } from "../net/allowance.ts";
import type { HttpAnswer, HttpRequest } from "../net/http_request.ts";
import { exportPublicKeyPem, importPublicKeyPem, type Sign } from "../signing/ecdsa.ts";
import type { Signatures } from "./signatures.ts";
import { sealEnvelope } from "../signing/envelope.ts";
import {
  decideAcknowledgement,
  decideActivation,
  decideHeartbeat,
  type GenuineRequest,
  type RequestOutcome,
} from "./decisions.ts";
import type { Decision, LicenseStore, StoredRecords } from "./store.ts";

/** All of it stays the caller's. */
interface RouteOptions {
  readonly store: LicenseStore;
  /** Signs with the organization's private key. */
  readonly sign: Sign;
  /** Verifies the machines' signatures (default: by WebCrypto). */
  readonly signatures?: Pick<Signatures, "importVerifier">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called once a request is complete; `undefined` if the server is too busy to decide it. */
  readonly enter?: () => Disposable | undefined;
  /** Called with the peer whose request is answered with 429. */
  readonly onPostponed?: (peer: string) => void;
}

/** Answers a request of the license server's protocol; `address` is the client's, for limits and the audit row. */
export type Routes = (request: HttpRequest, address: string) => Promise<HttpAnswer>;

/** Refusals of requests that may be a stranger's, which an address may cause at once, and one more in that time. */
const REFUSAL_BURST = 20, REFUSAL_REFILL_MS = 3_000;

const NO_LIMIT: Disposable = { [Symbol.dispose]: () => {} };

/** Capacity of the key cache, at about 2 KiB a key. */
const CACHED_KEYS = 4096;

/** A request and its client's address. */
interface Exchange {
  readonly request: HttpRequest;
  readonly address: string;
}

/** The sender of a request that is refused. */
interface Asker extends Exchange {
  /** Whether anyone could have sent the request: no machine that the server knows has signed it. */
  readonly isStranger: boolean;
}

interface MachineBody {
  readonly license_key: string;
  readonly machine_id: string;
}

/** The key that must have signed a request, and the rule that decides it. */
interface RequestPolicy<Body> {
  readonly publicKeyPem: string;
  decide(records: StoredRecords, request: GenuineRequest<Body>): Decision<RequestOutcome>;
}

/** How requests at a path are checked. */
interface Route<Body> {
  readonly schema: v.GenericSchema<unknown, Body>;
  readonly findPolicy: (body: Body) => Promise<Checked<RequestPolicy<Body>>>;
  /** Whether machines that the server does not know may send them. */
  readonly isForStrangers: boolean;
}

/** Creates the three routes of the license server's protocol. */
export function createRoutes(options: RouteOptions): Routes {
  const routes = new MachineRoutes(options);
  const answers: Readonly<Record<string, (exchange: Exchange) => Promise<HttpAnswer>>> = {
    [ACTIVATE_PATH]: (exchange) =>
      routes.answer(exchange, {
        schema: activateRequestSchema,
        findPolicy: findActivationPolicy,
        isForStrangers: true,
      }),
    [HEARTBEAT_PATH]: (exchange) =>
      routes.answer(exchange, {
        schema: heartbeatRequestSchema,
        findPolicy: (body) => routes.findStoredPolicy(body, decideHeartbeat),
        isForStrangers: false,
      }),
    [DECOMMISSION_ACK_PATH]: (exchange) =>
      routes.answer(exchange, {
        schema: decommissionAckRequestSchema,
        findPolicy: (body) => routes.findStoredPolicy(body, decideAcknowledgement),
        isForStrangers: false,
      }),
  };
  return async (request, address) => {
    const { method, path } = request;
    const answer = method === "POST" && Object.hasOwn(answers, path) ? answers[path] : undefined;
    if (answer === undefined) return respond(404, { error: "Not found." });
    try {
      return await answer({ request, address });
    } catch (error) {
      return routes.fail(path, error);
    }
  };
}

/** An activation is signed with the key in its body. */
async function findActivationPolicy(
  body: ActivateRequest,
): Promise<Checked<RequestPolicy<ActivateRequest>>> {
  const key = await importPublicKeyPem(body.machine_public_key_pem);
  if (key === undefined) return { refusal: REFUSALS.publicKey };
  const publicKeyPem = await exportPublicKeyPem(key);
  return {
    value: {
      publicKeyPem,
      decide: (records, request) => decideActivation(records, request, publicKeyPem),
    },
  };
}

class MachineRoutes {
  readonly #options: RouteOptions;
  readonly #keys: KeyCache;
  readonly #allowance: Allowance;

  constructor(options: RouteOptions) {
    this.#options = options;
    this.#keys = new KeyCache(CACHED_KEYS, options.signatures);
    this.#allowance = new Allowance({
      burst: REFUSAL_BURST,
      refillMs: REFUSAL_REFILL_MS,
      clock: options.clock,
    });
  }

  /**
   * Checks a request, decides it, and signs the answer. What costs nothing is checked first; an address that has used up its
   * allowance of refusals is heard only for machines that the server knows.
   */
  async answer<Body extends MachineBody>(
    { request, address }: Exchange,
    { schema, findPolicy, isForStrangers }: Route<Body>,
  ): Promise<HttpAnswer> {
    const nowMs = this.#options.clock.wallMs();
    const stranger: Asker = { request, address, isStranger: true };
    const headers = checkHeaders(request.headers);
    if ("refusal" in headers) return await this.refuse(stranger, headers.refusal);
    const early = checkTimestamp(headers.value.timestamp, nowMs);
    if (early !== undefined) return await this.refuse(stranger, early);
    const received = await request.readBody(MAX_REQUEST_BYTES);
    if (received.kind === "too_large") return await this.refuse(stranger, REFUSALS.bodyTooLarge);
    if (received.kind === "broken") return respond(400, { error: "Request body is incomplete." });
    const { enter = () => NO_LIMIT } = this.#options;
    using turn = enter();
    if (turn === undefined) return respond(503, { error: "Server is busy." });
    const body = checkBody(received.bytes, schema, headers.value);
    if ("refusal" in body) return await this.refuse(stranger, body.refusal);
    const { license_key, machine_id } = body.value;
    const about = { license_key, machine_id };
    const waitMs = this.#allowance.waitMs(namePeer(address));
    if (isForStrangers && waitMs > 0) return this.#postpone(stranger, waitMs);
    const policy = await findPolicy(body.value);
    if ("refusal" in policy) return await this.refuse(stranger, policy.refusal, about);
    const { publicKeyPem, decide } = policy.value;
    const forged = await this.#checkSignature(request.path, headers.value, {
      body: received.bytes,
      publicKeyPem,
    });
    if (forged !== undefined) return await this.refuse(stranger, forged, about);
    const genuine: GenuineRequest<Body> = {
      body: body.value,
      timestampSeconds: Number(headers.value.timestamp),
      nowMs,
      address,
      machineName: readMachineName(request.headers),
      link: readLink(headers.value.nonce),
    };
    const outcome = await this.#options.store.decide(
      { licenseKey: license_key, machineId: machine_id, nonce: headers.value.nonce },
      (records) => decide(records, genuine),
    );
    const asker: Asker = { ...stranger, isStranger: isForStrangers };
    if (outcome.kind === "refused") return await this.refuse(asker, outcome.refusal, about);
    if (outcome.findsCopies) {
      this.#options.log.warn(`two copies of the state of machine ${machine_id} are in use`, {
        license_key,
      });
    }
    return await this.#seal(request, 200, outcome.fields);
  }

  /** Other requests are signed with the key stored at activation. */
  async findStoredPolicy<Body extends MachineBody>(
    { license_key: licenseKey, machine_id: machineId }: Body,
    decide: RequestPolicy<Body>["decide"],
  ): Promise<Checked<RequestPolicy<Body>>> {
    const { license, machine } = await this.#options.store.read({ licenseKey, machineId });
    if (license === undefined) return { refusal: REFUSALS.licenseUnknown };
    if (machine === undefined) return { refusal: REFUSALS.machineUnknown };
    return { value: { publicKeyPem: machine.publicKeyPem, decide } };
  }

  /**
   * Signs a refusal, within the address's allowance if anyone could have sent the request; its nonce is empty if the request's
   * is missing or malformed.
   *
   * @param about What the request is about, if its body could be read.
   */
  async refuse(
    asker: Asker,
    { status, code, error }: Refusal,
    about: Partial<MachineBody> = {},
  ): Promise<HttpAnswer> {
    const { request, address, isStranger } = asker;
    const peer = namePeer(address);
    this.#options.log.debug("request refused", { code, path: request.path });
    return isStranger && !this.#allowance.take(peer)
      ? this.#postpone(asker, this.#allowance.waitMs(peer))
      : await this.#seal(request, status, { error, code, ...about });
  }

  #postpone({ address }: Asker, waitMs: number): HttpAnswer {
    this.#options.onPostponed?.(namePeer(address));
    const answer = respond(429, { error: "Too many requests." });
    const headers = { ...answer.headers, "retry-after": String(Math.ceil(waitMs / 1000)) };
    return { ...answer, headers };
  }

  /** An internal error stays unsigned, so that the client treats it as an outage. */
  fail(path: string, error: unknown): HttpAnswer {
    this.#options.log.error(`request failed: ${describeError(error)}`, { path });
    return respond(500, { error: "Internal server error." });
  }

  async #checkSignature(
    path: string,
    headers: SignedHeaders,
    { body, publicKeyPem }: { body: Uint8Array<ArrayBuffer>; publicKeyPem: string },
  ): Promise<Refusal | undefined> {
    const verify = await this.#keys.find(publicKeyPem);
    return verify === undefined
      ? REFUSALS.publicKey
      : await checkSignature(path, headers, { body, verify });
  }

  async #seal(
    { headers }: HttpRequest,
    status: number,
    fields: Extract<RequestOutcome, { kind: "answer" }>["fields"],
  ): Promise<HttpAnswer> {
    const envelope = await sealEnvelope({
      ...fields,
      request_nonce: readNonce(headers) ?? "",
      responded_at: new Date(this.#options.clock.wallMs()).toISOString(),
    }, this.#options.sign);
    const { error } = fields;
    return respond(status, error === undefined ? envelope : { error, ...envelope });
  }
}

function respond(status: number, body: unknown): HttpAnswer {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: JSON.stringify(body),
  };
}
