import * as v from "valibot";
import type { ProcessView } from "../core/process.ts";

/** Limits for all clients together, and timeouts in milliseconds. */
export interface RemoteLimits {
  /** Running processes. */
  readonly processes: number;
  /** Open output streams. */
  readonly readers: number;
  /** Requests in progress, except output streams. */
  readonly requests: number;
  /** Further connections are answered with an error and closed. */
  readonly connections: number;
  /** Pending handshakes; further connections are closed before theirs. */
  readonly handshakes: number;
  readonly handshakeMs: number;
  /** From a request's first byte, or the start of the connection, to the end of the headers. */
  readonly headerMs: number;
  readonly bodyMs: number;
  /** Between two requests on a connection. */
  readonly idleMs: number;
  /** For readers to fetch the rest when the server stops. */
  readonly drainMs: number;
}

export const DEFAULT_LIMITS: RemoteLimits = {
  processes: 256,
  readers: 256,
  requests: 256,
  connections: 1024,
  handshakes: 64,
  handshakeMs: 10_000,
  headerMs: 10_000,
  bodyMs: 10_000,
  idleMs: 60_000,
  drainMs: 5_000,
};

/** Largest request body. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** Largest request line and headers together. */
export const MAX_HEADER_BYTES = 16 * 1024;

/** Why a request is refused (RFC 9457): an HTTP status and a one-line explanation. */
export interface Problem {
  readonly status: number;
  readonly detail: string;
}

export const PROBLEM_TYPE = "application/problem+json";

/** Titles of problems by status. */
const TITLES: Readonly<Record<number, string>> = {
  400: "malformed request",
  403: "permission denied",
  404: "not found",
  405: "method not allowed",
  408: "request timeout",
  409: "cannot be done",
  413: "request too large",
  429: "too many requests",
  500: "internal error",
  503: "service unavailable",
};

/** Details that the command line repeats. */
export const OBSERVE_ONLY = "permission denied: this certificate may only observe";
export const NOT_FOUND = "process not found";

/** Serializes a problem as the body of an answer. */
export function formatProblem({ status, detail }: Problem): string {
  return JSON.stringify({ type: "about:blank", title: TITLES[status], status, detail });
}

export function createProblem(status: number, detail: string): Problem {
  return { status, detail };
}

const statusSchema = v.object({
  id: v.string(),
  command: v.string(),
  args: v.array(v.string()),
  // whether there are arguments that the client may not see
  args_hidden: v.optional(v.literal(true)),
  state: v.picklist(["running", "exited", "stopped", "killed", "lost"]),
  exit_code: v.optional(v.number()),
  signal: v.optional(v.string()),
  started_at: v.string(),
  ended_at: v.optional(v.string()),
  output_bytes: v.number(),
});

/** A process in the API; times are RFC 3339 in UTC. */
export type ProcessStatus = v.InferOutput<typeof statusSchema>;

/** @param options `hidesArguments`: whether the client may not see the arguments, which often hold secrets. */
export function toStatus(
  view: ProcessView,
  { hidesArguments }: { hidesArguments: boolean },
): ProcessStatus {
  const { id, command, args, state, exitCode, signal, startedAtMs, endedAtMs, outputBytes } = view;
  return {
    id,
    command,
    args: hidesArguments ? [] : [...args],
    ...(hidesArguments && args.length > 0 && { args_hidden: true }),
    state,
    ...(exitCode !== undefined && { exit_code: exitCode }),
    ...(signal !== undefined && { signal }),
    started_at: new Date(startedAtMs).toISOString(),
    ...(endedAtMs !== undefined && { ended_at: new Date(endedAtMs).toISOString() }),
    output_bytes: outputBytes,
  };
}

/** Parses an answer; `undefined` if it is malformed. */
export function parseStatus(value: unknown): ProcessStatus | undefined {
  return parseWith(statusSchema, value);
}

export function parseStatuses(value: unknown): ProcessStatus[] | undefined {
  return parseWith(v.array(statusSchema), value);
}

export function parseStarted(value: unknown): { id: string } | undefined {
  return parseWith(v.object({ id: v.string() }), value);
}

function parseWith<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T | undefined {
  const { success, output } = v.safeParse(schema, value);
  return success ? output : undefined;
}
