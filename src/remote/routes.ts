import type { Answer, Api, Exchange } from "./api.ts";
import type { AuditEntry } from "./audit.ts";
import type { Role } from "./tls_session.ts";
import { createProblem, NOT_FOUND, type Problem } from "./wire.ts";

/** A route and the role that it requires. */
export interface Route {
  readonly method: "GET" | "POST";
  /** The path pattern, also used in telemetry. */
  readonly path: string;
  readonly role: Role;
  readonly action: AuditEntry["action"];
  /** Whether the answer is an open-ended stream. */
  readonly isStream?: true;
  handle(api: Api, exchange: Exchange): Promise<Answer>;
}

const ROUTES: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/processes",
    role: "control",
    action: "start",
    handle: (api, exchange) => api.start(exchange),
  },
  {
    method: "GET",
    path: "/v1/processes",
    role: "observe",
    action: "read",
    handle: (api, exchange) => api.list(exchange),
  },
  {
    method: "GET",
    path: "/v1/processes/{id}",
    role: "observe",
    action: "read",
    handle: (api, exchange) => api.status(exchange),
  },
  {
    method: "POST",
    path: "/v1/processes/{id}/stop",
    role: "control",
    action: "stop",
    handle: (api, exchange) => api.stop(exchange),
  },
  {
    method: "POST",
    path: "/v1/processes/{id}/restart",
    role: "control",
    action: "restart",
    handle: (api, exchange) => api.restart(exchange),
  },
  {
    method: "GET",
    path: "/v1/processes/{id}/output",
    role: "observe",
    action: "read",
    isStream: true,
    handle: (api, exchange) => api.output(exchange),
  },
  {
    method: "GET",
    path: "/healthz",
    role: "observe",
    action: "request",
    handle: (api) => api.health(),
  },
];

/** The route of a request, or why there is none. */
export type Found =
  | { readonly route: Route; readonly id: string; readonly query: string }
  | { readonly problem: Problem; readonly allow?: string };

/** Form of process ids. */
const ID = /^[1-9]\d{0,15}$/;

/** Finds the route of a request; does not decode or normalize the target. */
export function findRoute(method: string, target: string): Found {
  const [path = "", ...rest] = target.split("?");
  const [, id, action] = /^\/v1\/processes\/([^/]*)(\/.*)?$/.exec(path) ?? [];
  const pattern = id === undefined ? path : `/v1/processes/{id}${action ?? ""}`;
  const routes = ROUTES.filter((route) => route.path === pattern);
  if (routes.length === 0) return { problem: createProblem(404, "no such resource") };
  const route = routes.find((route) => route.method === method);
  if (route === undefined) {
    const allow = routes.map((route) => route.method).join(", ");
    return { problem: createProblem(405, `only ${allow} is allowed here`), allow };
  }
  if (id !== undefined && !ID.test(id)) return { problem: createProblem(404, NOT_FOUND) };
  const query = rest.join("?");
  if (query !== "" && route.isStream === undefined) {
    return { problem: createProblem(400, "no parameters are taken here") };
  }
  return { route, id: id ?? "", query };
}
