/** Why a request is refused (RFC 9457): a status of HTTP, and one line for a person. */
export interface Problem {
  readonly status: number;
  readonly detail: string;
}

export const PROBLEM_TYPE = "application/problem+json";

/** How each status is titled: the same for every problem that has it. */
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

/** The words that the command line repeats. */
export const OBSERVE_ONLY = "permission denied: this certificate may only observe";
export const NOT_FOUND = "process not found";

/** A problem as the body of an answer. */
export function problemBody({ status, detail }: Problem): string {
  return JSON.stringify({ type: "about:blank", title: TITLES[status], status, detail });
}

/** A problem with a status. */
export function problem(status: number, detail: string): Problem {
  return { status, detail };
}
