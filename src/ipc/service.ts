import type { Host } from "../platform/host.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import type { PeerCredentials } from "../platform/local_socket.ts";
import {
  createErrorAnswer,
  type DegradeStage,
  drawDelayMs,
  drawError,
  hasErrors,
  type LicenseAnswers,
  type LicenseInfo,
  OK_ANSWER,
  prepareAnswer,
  type PreparedAnswer,
  prepareLicenseAnswers,
} from "./license_answers.ts";
import {
  type ProofRequest,
  type ProveLicense,
  readProofRequest,
  withholdProof,
} from "./proof_request.ts";
import type { IpcRequest } from "./request.ts";

/** Methods that degradation and `peer = "child"` apply to. */
type LicenseMethod = "get_license" | "get_features";
/** Methods without parameters, with answers serialized in advance. */
type PlainMethod = LicenseMethod | "health";

const CONTROL_METHODS = ["reload", "stop", "restart", "stats", "debug"] as const;
export type ControlMethod = (typeof CONTROL_METHODS)[number];

/**
 * Handles a control method; the answer contains the returned fields after `"status":"ok"`, or the message of a thrown
 * {@linkcode SentinelError} as its error.
 */
export type ControlHandler = (
  params: Readonly<Record<string, unknown>>,
  peer: PeerCredentials,
) => object | void | Promise<object | void>;

/** An accepted peer. */
export interface AdmittedPeer extends PeerCredentials {
  /** Whether it is the launched software or its descendant; false if that does not matter. */
  readonly isChild: boolean | Promise<boolean>;
}

export interface ServiceOptions extends Pick<Host, "clock" | "random" | "log"> {
  readonly license: LicenseInfo;
  readonly peer: "user" | "child";
  readonly prove: ProveLicense;
  readonly status: () => object;
  readonly control: Partial<Readonly<Record<ControlMethod, ControlHandler>>>;
}

/** Implements the methods and their permissions, independent of sockets. */
export class IpcService {
  readonly #options: ServiceOptions;
  readonly #closing = new AbortController();
  #license: LicenseInfo;
  #stage: DegradeStage = "normal";
  #isDegraded = false;
  #answers: LicenseAnswers;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#license = options.license;
    this.#answers = prepareLicenseAnswers(options.license, { withFeatures: true });
  }

  setLicense(info: LicenseInfo): void {
    this.#license = info;
    this.#answers = prepareLicenseAnswers(info, { withFeatures: !this.#isDegraded });
  }

  setDegradeStage(stage: DegradeStage): void {
    this.#stage = stage;
    this.#isDegraded = hasErrors(stage);
    this.setLicense(this.#license);
  }

  /** Ends the delays of pending answers. */
  close(): void {
    this.#closing.abort();
  }

  /** Returns the answer without the request's `id`, or a promise if it takes time. Never rejects. */
  answer(request: IpcRequest, peer: AdmittedPeer): PreparedAnswer | Promise<PreparedAnswer> {
    const { method } = request;
    switch (method) {
      case "get_license":
        return this.#answerLicense(request, peer);
      case "get_features":
      case "health":
        return this.answerPlain(method, peer);
      case "watch":
        return OK_ANSWER;
      case "status":
        return this.#call(method, this.#options.status);
      default:
        return isControlMethod(method)
          ? this.#control(method, request.params, peer)
          : createErrorAnswer(`unknown method: ${method}`);
    }
  }

  /** Returns the answer to a plain method; `health` is never degraded. */
  answerPlain(method: PlainMethod, peer: AdmittedPeer): PreparedAnswer | Promise<PreparedAnswer> {
    if (method === "health") return OK_ANSWER;
    if (this.#options.peer === "child" && peer.isChild !== true) {
      return this.#answerChild(method, peer);
    }
    return this.#isDegraded ? this.#degraded(method) : this.#answers[method];
  }

  #answerLicense(
    { method, params }: IpcRequest,
    peer: AdmittedPeer,
  ): PreparedAnswer | Promise<PreparedAnswer> {
    const wanted = readProofRequest(params);
    if (wanted === undefined) return this.answerPlain("get_license", peer);
    return "fault" in wanted
      ? createErrorAnswer(`invalid params of ${method}: ${wanted.fault}`)
      : this.#prove(wanted, peer);
  }

  /** Degraded answers have no proof: it would show the features that they lack. */
  async #prove(wanted: ProofRequest, peer: AdmittedPeer): Promise<PreparedAnswer> {
    const plain = await this.answerPlain("get_license", peer);
    if (!isOk(plain)) return plain;
    return await this.#call("get_license", async () => {
      const proof = this.#isDegraded
        ? withholdProof(wanted)
        : await this.#options.prove(wanted, this.#closing.signal);
      return { ...JSON.parse(this.#answers.get_license.json), ...proof };
    });
  }

  async #answerChild(method: LicenseMethod, peer: AdmittedPeer): Promise<PreparedAnswer> {
    if (!await peer.isChild) return createErrorAnswer(`permission denied: ${method}`);
    return this.#isDegraded ? await this.#degraded(method) : this.#answers[method];
  }

  async #degraded(method: LicenseMethod): Promise<PreparedAnswer> {
    const { random, clock } = this.#options;
    const delayMs = drawDelayMs(this.#stage, random);
    if (delayMs > 0) await clock.sleep(delayMs, this.#closing.signal);
    const error = drawError(random);
    return error === undefined ? this.#answers[method] : createErrorAnswer(error);
  }

  async #control(
    method: ControlMethod,
    params: Readonly<Record<string, unknown>>,
    peer: AdmittedPeer,
  ): Promise<PreparedAnswer> {
    if (this.#options.peer === "child" && await peer.isChild) {
      return createErrorAnswer(`permission denied: ${method}`);
    }
    const handler = this.#options.control[method];
    if (handler === undefined) return createErrorAnswer(`method not available: ${method}`);
    return await this.#call(method, () => handler(params, peer));
  }

  /** Turns a handler's result into an answer; logs unexpected errors and does not expose them. */
  async #call(
    method: string,
    action: () => object | void | Promise<object | void>,
  ): Promise<PreparedAnswer> {
    try {
      return prepareAnswer({ status: "ok", ...await action() });
    } catch (error) {
      if (error instanceof SentinelError) return prepareRefusal(error);
      this.#options.log.error(`ipc ${method} failed: ${describeError(error)}`);
      return createErrorAnswer("internal error");
    }
  }
}

function isOk({ json }: PreparedAnswer): boolean {
  return json.startsWith('{"status":"ok"');
}

/** An error answer with the code and details. */
function prepareRefusal(error: SentinelError): PreparedAnswer {
  const { code, details } = error;
  return prepareAnswer({
    status: "error",
    error: describeError(error),
    code,
    ...(details.length > 0 && { details }),
  });
}

export function isPlainMethod(method: string): method is PlainMethod {
  return method === "get_license" || method === "get_features" || method === "health";
}

function isControlMethod(method: string): method is ControlMethod {
  return (CONTROL_METHODS as readonly string[]).includes(method);
}

/** Longer requests are not cached. */
const MAX_BYTES = 128;
/** Number of cached requests, enough for the clients of one server. */
const SLOTS = 8;

/**
 * Caches the bytes of plain requests (no `id`, no `params`): clients repeat them, and a known one needs no parsing.
 */
export class RequestCache {
  readonly #slots: { bytes: Uint8Array; method: PlainMethod }[] = [];
  #next = 0;

  /** Returns the method of a cached request with these bytes. */
  find(bytes: Uint8Array, from: number, to: number): PlainMethod | undefined {
    for (const slot of this.#slots) {
      if (slot.bytes.length === to - from && startsWith(bytes, from, slot.bytes)) {
        return slot.method;
      }
    }
    return undefined;
  }

  /** Caches a request in place of the oldest one. */
  keep(bytes: Uint8Array, method: PlainMethod): void {
    if (bytes.length > MAX_BYTES) return;
    this.#slots[this.#next] = { bytes: bytes.slice(), method };
    this.#next = (this.#next + 1) % SLOTS;
  }
}

function startsWith(bytes: Uint8Array, from: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[from + i] !== wanted[i]) return false;
  return true;
}
