import type { IncomingMessage, ServerResponse } from "node:http";
import { describeError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Answer, Api } from "./api.ts";
import type { Audit, AuditEntry } from "./audit.ts";
import { formatPeerAddress, type TlsAdmission } from "./tls_admission.ts";
import type { ClientIdentity } from "./tls_session.ts";
import type { RemoteLimits } from "./wire.ts";
import { createProblem, formatProblem, OBSERVE_ONLY, type Problem, PROBLEM_TYPE } from "./wire.ts";
import { findRoute, type Found, type Route } from "./routes.ts";
import type { Telemetry } from "./audit.ts";

interface RequestHandlerOptions {
  readonly api: Api;
  readonly admission: TlsAdmission;
  readonly limits: RemoteLimits;
  readonly audit: Audit;
  readonly telemetry: Telemetry;
  readonly log: Logger;
  /** Whether clients that may only observe see the arguments of processes. */
  readonly observesArguments: boolean;
}

/** The caller's fields in the audit log. */
type Caller =
  & Pick<AuditEntry, "address">
  & Required<{ [Name in "client" | "request"]: NonNullable<AuditEntry[Name]> }>;

/** Authenticates, authorizes and answers requests. */
export class RequestHandler {
  #isStopping = false;
  /** Requests in progress, except output streams. */
  #inFlight = 0;
  readonly #pending = new Set<Promise<void>>();

  constructor(readonly options: RequestHandlerOptions) {}

  /** Refuses all further requests. */
  refuse(): void {
    this.#isStopping = true;
  }

  /** Resolves when all requests are answered, including output streams. */
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
    // errors of the connection also close it, which is handled
    response.on("error", () => {});
    request.on("error", () => {});
    const admission = this.options.admission.admissionOf(request.socket);
    const client = await admission?.verdict;
    // a connection that closed meanwhile emits no further event, so that the answer would wait forever
    const isGone = request.socket.destroyed;
    if (admission === undefined || client?.kind !== "accepted" || isGone) {
      request.socket.destroy();
      return;
    }
    const { method = "", url = "" } = request;
    const caller: Caller = {
      address: formatPeerAddress(request.socket),
      client: { cn: client.cn, role: client.role },
      request: `${method} ${url}`,
    };
    const found = findRoute(method, url);
    const refusal = this.#refusalOfConnection(request, admission.isTooMany) ??
      ("problem" in found ? found.problem : this.#refusalOfRoute(found.route, client));
    if (admission.isTooMany) response.setHeader("connection", "close");
    if ("problem" in found) {
      if (found.allow !== undefined) response.setHeader("allow", found.allow);
      this.#refuse(refusal!, request, response, { ...caller, action: "request" });
    } else if (refusal !== undefined) {
      this.#refuse(refusal, request, response, { ...caller, ...getAuditFields(found) });
    } else await this.#serve(found, request, response, caller);
  }

  async #serve(
    found: Extract<Found, { route: Route }>,
    request: IncomingMessage,
    response: ServerResponse,
    caller: Caller,
  ): Promise<void> {
    const { route, id, query } = found;
    const { audit, telemetry, observesArguments } = this.options;
    const finish = telemetry.request(`${route.method} ${route.path}`, caller.client.role);
    const about = { ...caller, ...getAuditFields(found) };
    const answer = await this.#answer(route, {
      ...{ request, response, id, query },
      hidesArguments: caller.client.role !== "control" && !observesArguments,
      onStream: () => audit({ ...about, outcome: "streaming" }),
    });
    finish(getStatus(answer));
    const entry = { ...about, ...answer.audit };
    if (answer.kind === "problem") this.#refuse(answer.problem, request, response, entry);
    else if (answer.audit !== undefined) audit({ outcome: "done", ...entry });
    if (answer.kind === "json") this.#send(response, answer.status, JSON.stringify(answer.body));
  }

  /** Why all requests of this connection are refused, if they are. */
  #refusalOfConnection({ headers }: IncomingMessage, isTooMany: boolean): Problem | undefined {
    const { limit } = this.options.admission;
    if (this.#isStopping) return createProblem(503, "the server is stopping");
    if (isTooMany) return createProblem(503, `too many connections (limit: ${limit})`);
    // a browser with a client certificate would present it for requests of any page
    const isFromBrowser = headers.origin !== undefined || headers["sec-fetch-site"] !== undefined;
    return isFromBrowser ? createProblem(403, "not for browsers") : undefined;
  }

  #refusalOfRoute(route: Route, client: ClientIdentity): Problem | undefined {
    const { limits } = this.options;
    if (route.role === "control" && client.role !== "control") {
      return createProblem(403, OBSERVE_ONLY);
    }
    if (route.isStream === undefined && this.#inFlight >= limits.requests) {
      return createProblem(503, `too many requests are under way (limit: ${limits.requests})`);
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
      return {
        kind: "problem",
        problem: createProblem(500, "internal error; see the server's log"),
      };
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
    // do not read the rest of the body
    if (!request.complete) response.setHeader("connection", "close");
    this.#send(response, problem.status, formatProblem(problem), PROBLEM_TYPE);
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

function getStatus(answer: Answer): number {
  return answer.kind === "problem" ? answer.problem.status : answer.status;
}

function getAuditFields(
  { route, id }: Extract<Found, { route: Route }>,
): Pick<AuditEntry, "action" | "process"> {
  return { action: route.action, ...(id !== "" && { process: id }) };
}
