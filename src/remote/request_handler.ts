import type { IncomingMessage, ServerResponse } from "node:http";
import { describeError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Answer, Api } from "./api.ts";
import type { Audit, AuditEntry } from "./audit.ts";
import { addressOf, type Doorkeeper } from "./doorkeeper.ts";
import type { ClientIdentity } from "./identity.ts";
import type { RemoteLimits } from "./limits.ts";
import { OBSERVE_ONLY, type Problem, problem, PROBLEM_TYPE, problemBody } from "./problem.ts";
import { findRoute, type Route } from "./routes.ts";
import type { Telemetry } from "./telemetry.ts";

export interface RequestHandlerOptions {
  readonly api: Api;
  readonly doorkeeper: Doorkeeper;
  readonly limits: RemoteLimits;
  readonly audit: Audit;
  readonly telemetry: Telemetry;
  readonly log: Logger;
}

/** Answers requests: who asks, whether he may, what for. */
export class RequestHandler {
  #isStopping = false;
  /** Under way, streams not among them. */
  #inFlight = 0;
  readonly #pending = new Set<Promise<void>>();

  constructor(readonly options: RequestHandlerOptions) {}

  /** From now on every new request is refused. */
  refuse(): void {
    this.#isStopping = true;
  }

  /** Resolves when every request so far is answered, streams included. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Never rejects. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    const answered = this.#handle(request, response).catch((error) => {
      this.options.log.error(`remote request failed: ${describeError(error)}`);
      response.destroy();
    }).finally(() => this.#pending.delete(answered));
    this.#pending.add(answered);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // what the other end breaks shows as its going away
    response.on("error", () => {});
    request.on("error", () => {});
    const admission = this.options.doorkeeper.admissionOf(request.socket);
    const verdict = await admission?.verdict;
    if (admission === undefined || verdict?.kind !== "accepted") {
      request.socket.destroy();
      return;
    }
    const { method = "", url = "" } = request;
    const entry = {
      address: addressOf(request.socket),
      client: { cn: verdict.cn, role: verdict.role },
      request: `${method} ${url}`,
    };
    const found = findRoute(method, url);
    if ("problem" in found) {
      if (found.allow !== undefined) response.setHeader("allow", found.allow);
      this.#refuse(found.problem, request, response, { ...entry, action: "request" });
      return;
    }
    const { route } = found;
    const refusal = this.#refusal(route, request, {
      client: verdict,
      isTooMany: admission.isTooMany,
    });
    const { id: process } = found;
    const named = { ...entry, action: route.action, ...(process && { process }) };
    if (refusal !== undefined) {
      if (admission.isTooMany) response.setHeader("connection", "close");
      this.#refuse(refusal, request, response, named);
      return;
    }
    const finish = this.options.telemetry.request(`${method} ${route.path}`, verdict.role);
    const exchange = { request, response, id: found.id, query: found.query };
    const answer = await this.#answer(route, exchange);
    finish(statusOf(answer));
    if (answer.kind === "problem") {
      this.#refuse(answer.problem, request, response, { ...named, ...answer.audit });
      return;
    }
    if (answer.audit !== undefined) {
      this.options.audit({ ...named, outcome: "done", ...answer.audit });
    }
    if (answer.kind === "json") this.#send(response, answer.status, JSON.stringify(answer.body));
  }

  /** Why it is not even tried. */
  #refusal(
    route: Route,
    { headers }: IncomingMessage,
    { client, isTooMany }: { client: ClientIdentity; isTooMany: boolean },
  ): Problem | undefined {
    const { limits } = this.options;
    if (this.#isStopping) return problem(503, "the server is stopping");
    if (isTooMany) return problem(503, `too many connections (limit: ${limits.connections})`);
    // a browser that holds a certificate would send it for whichever page asks
    if (headers.origin !== undefined || headers["sec-fetch-site"] !== undefined) {
      return problem(403, "not for browsers");
    }
    if (route.role === "control" && client.role !== "control") return problem(403, OBSERVE_ONLY);
    if (route.isStream === undefined && this.#inFlight >= limits.requests) {
      return problem(503, `too many requests are under way (limit: ${limits.requests})`);
    }
    return undefined;
  }

  async #answer(route: Route, exchange: Parameters<Route["handle"]>[1]): Promise<Answer> {
    if (route.isStream === undefined) this.#inFlight++;
    try {
      return await route.handle(this.options.api, exchange);
    } catch (error) {
      if (exchange.response.headersSent) throw error;
      this.options.log.error(`remote request failed: ${describeError(error)}`);
      return { kind: "problem", problem: problem(500, "a fault of the server; see its log") };
    } finally {
      if (route.isStream === undefined) this.#inFlight--;
    }
  }

  #refuse(
    problem: Problem,
    request: IncomingMessage,
    response: ServerResponse,
    entry: Omit<AuditEntry, "outcome">,
  ): void {
    this.options.audit({ ...entry, outcome: `refused: ${problem.status} ${problem.detail}` });
    // what is left of the body is not worth reading
    if (!request.complete) response.setHeader("connection", "close");
    this.#send(response, problem.status, problemBody(problem), PROBLEM_TYPE);
  }

  #send(response: ServerResponse, status: number, body: string, type = "application/json"): void {
    if (this.#isStopping) response.setHeader("connection", "close");
    response.writeHead(status, {
      "content-type": type,
      "content-length": String(new TextEncoder().encode(body).length + 1),
    });
    response.end(body + "\n");
  }
}

function statusOf(answer: Answer): number {
  return answer.kind === "problem" ? answer.problem.status : answer.status;
}
