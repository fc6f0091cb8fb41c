import type * as v from "valibot";
import {
  ACTIVATE_PATH,
  type ActivateRequest,
  activateRequestSchema,
  DECOMMISSION_ACK_PATH,
  decommissionAckRequestSchema,
  HEARTBEAT_PATH,
  heartbeatRequestSchema,
  MAX_BODY_BYTES,
} from "../activation/messages.ts";
import type { Clock } from "../core/clock.ts";
import { joinBytes } from "../core/files.ts";
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
import { type Context, Hono } from "hono";
import { describeError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
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

/** Limit for a request's body to arrive; a stalled client would also delay the server's shutdown. */
const BODY_DEADLINE_MS = 10_000;

/** Abort reason; without one each abort() creates an error with a stack trace. */
const ARRIVED = "arrived";

/** Reads the request's body: at most 1 MiB, whatever its headers declare, within the deadline. */
async function readBody(
  request: Request,
  clock: Clock,
): Promise<Checked<Uint8Array<ArrayBuffer>>> {
  if (Number(request.headers.get("content-length")) > MAX_BODY_BYTES) {
    return { refusal: REFUSALS.bodyTooLarge };
  }
  const reader = request.body?.getReader();
  if (reader === undefined) return { value: new Uint8Array() };
  using deadline = startDeadline(clock, () => void reader.cancel().catch(() => undefined));
  try {
    const value = await readBounded(reader);
    if (deadline.isOver()) return { refusal: REFUSALS.bodyTimeout };
    return value === undefined ? { refusal: REFUSALS.bodyTooLarge } : { value };
  } catch {
    return { refusal: REFUSALS.bodyBroken };
  }
}

async function readBounded(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  while (true) {
    const { value, done } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > MAX_BODY_BYTES) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  return joinBytes(chunks);
}

function startDeadline(
  clock: Clock,
  expire: () => void,
): Disposable & { isOver(): boolean } {
  const stop = new AbortController();
  let isOver = false;
  clock.sleep(BODY_DEADLINE_MS, stop.signal).then(() => {
    if (stop.signal.aborted) return;
    isOver = true;
    expire();
  });
  return { isOver: () => isOver, [Symbol.dispose]: () => stop.abort(ARRIVED) };
}

/** All of it stays the caller's. */
interface RouteOptions {
  readonly store: LicenseStore;
  /** Signs with the organization's private key. */
  readonly sign: Sign;
  /** Verifies the machines' signatures (default: by WebCrypto). */
  readonly signatures?: Pick<Signatures, "importVerifier">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Per request: the client's address, for the audit row. */
export interface RouteBindings {
  readonly address: string;
}

type RouteContext = Context<{ Bindings: RouteBindings }>;

/** Capacity of the key cache, at about 2 KiB a key. */
const CACHED_KEYS = 4096;

interface MachineBody {
  readonly license_key: string;
  readonly machine_id: string;
}

/** The key that must have signed a request, and the rule that decides it. */
interface RequestPolicy<Body> {
  readonly publicKeyPem: string;
  decide(records: StoredRecords, request: GenuineRequest<Body>): Decision<RequestOutcome>;
}

/** Creates the three routes of the license server's protocol. */
export function createRoutes(options: RouteOptions): Hono<{ Bindings: RouteBindings }> {
  const routes = new MachineRoutes(options);
  return new Hono<{ Bindings: RouteBindings }>()
    .post(ACTIVATE_PATH, (c) => routes.answer(c, activateRequestSchema, findActivationPolicy))
    .post(
      HEARTBEAT_PATH,
      (c) =>
        routes.answer(
          c,
          heartbeatRequestSchema,
          (body) => routes.findStoredPolicy(body, decideHeartbeat),
        ),
    )
    .post(
      DECOMMISSION_ACK_PATH,
      (c) =>
        routes.answer(
          c,
          decommissionAckRequestSchema,
          (body) => routes.findStoredPolicy(body, decideAcknowledgement),
        ),
    )
    .notFound((c) => routes.refuse(c, REFUSALS.notFound))
    .onError((error, c) => routes.fail(c, error));
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

  constructor(options: RouteOptions) {
    this.#options = options;
    this.#keys = new KeyCache(CACHED_KEYS, options.signatures);
  }

  /** Checks a request, decides it, and signs the answer. */
  async answer<Body extends MachineBody>(
    context: RouteContext,
    schema: v.GenericSchema<unknown, Body>,
    findPolicy: (body: Body) => Promise<Checked<RequestPolicy<Body>>>,
  ): Promise<Response> {
    const nowMs = this.#options.clock.wallMs();
    const headers = checkHeaders(context.req.raw.headers);
    if ("refusal" in headers) return await this.refuse(context, headers.refusal);
    const early = checkTimestamp(headers.value.timestamp, nowMs);
    if (early !== undefined) return await this.refuse(context, early);
    const bytes = await readBody(context.req.raw, this.#options.clock);
    if ("refusal" in bytes) return await this.refuse(context, bytes.refusal);
    const body = checkBody(bytes.value, schema, headers.value);
    if ("refusal" in body) return await this.refuse(context, body.refusal);
    const { license_key, machine_id } = body.value;
    const about = { license_key, machine_id };
    const policy = await findPolicy(body.value);
    if ("refusal" in policy) return await this.refuse(context, policy.refusal, about);
    const { publicKeyPem, decide } = policy.value;
    const forged = await this.#checkSignature(context.req.path, headers.value, {
      body: bytes.value,
      publicKeyPem,
    });
    if (forged !== undefined) return await this.refuse(context, forged, about);
    const request: GenuineRequest<Body> = {
      body: body.value,
      timestampSeconds: Number(headers.value.timestamp),
      nowMs,
      address: context.env.address,
      machineName: readMachineName(context.req.raw.headers),
      link: readLink(headers.value.nonce),
    };
    const outcome = await this.#options.store.decide(
      { licenseKey: license_key, machineId: machine_id, nonce: headers.value.nonce },
      (records) => decide(records, request),
    );
    if (outcome.kind === "refused") return await this.refuse(context, outcome.refusal, about);
    if (outcome.findsCopies) {
      this.#options.log.warn(`two copies of the state of machine ${machine_id} are in use`, {
        license_key,
      });
    }
    return await this.#seal(context, 200, outcome.fields);
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
   * Signs a refusal; its nonce is empty if the request's is missing or malformed.
   *
   * @param about What the request is about, if its body could be read.
   */
  refuse(
    context: RouteContext,
    { status, code, error }: Refusal,
    about: Partial<MachineBody> = {},
  ): Promise<Response> {
    this.#options.log.debug("request refused", { code, path: context.req.path });
    return this.#seal(context, status, { error, code, ...about });
  }

  /** An internal error stays unsigned, so that the client treats it as an outage. */
  fail(context: RouteContext, error: unknown): Response {
    this.#options.log.error(`request failed: ${describeError(error)}`, { path: context.req.path });
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
    context: RouteContext,
    status: number,
    fields: Extract<RequestOutcome, { kind: "answer" }>["fields"],
  ): Promise<Response> {
    const envelope = await sealEnvelope({
      ...fields,
      request_nonce: readNonce(context.req.raw.headers) ?? "",
      responded_at: new Date(this.#options.clock.wallMs()).toISOString(),
    }, this.#options.sign);
    const { error } = fields;
    return respond(status, error === undefined ? envelope : { error, ...envelope });
  }
}

function respond(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}
