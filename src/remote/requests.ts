import * as v from "valibot";
import { decodeUtf8, isObject, parseStrictJson } from "../core/strict_json.ts";
import { createProblem, MAX_BODY_BYTES, type Problem } from "./wire.ts";
import { type StartRequest, STOP_SIGNALS, type StopRequest } from "./processes.ts";
import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { type Clock, withDeadline } from "../core/clock.ts";

/** A valid input, or the problem with it. */
export type Checked<T> = { readonly value: T } | { readonly problem: Problem };

const MAX_GRACE_MS = 600_000;

const text = () =>
  v.pipe(v.string("must be text"), v.check((value) => !value.includes("\0"), "must not hold NUL"));
const nonEmpty = () => v.pipe(text(), v.minLength(1, "must not be empty"));
const count = () =>
  v.pipe(
    v.number("must be a number"),
    v.check((value) => Number.isSafeInteger(value) && value >= 0, "must be a whole number"),
  );

/** Rejects arrays, which valibot accepts as objects. */
const object = <T>(schema: v.GenericSchema<unknown, T>) =>
  v.pipe(
    v.unknown(),
    v.check(isObject, "must be an object"),
    schema,
  );

const startSchema = object(v.strictObject({
  command: nonEmpty(),
  args: v.optional(v.array(text(), "must be a list of texts"), []),
  env: v.optional(
    object(
      v.record(
        v.pipe(nonEmpty(), v.check((name) => !name.includes("="), "must not hold =")),
        text(),
      ),
    ),
    {},
  ),
  cwd: v.optional(
    v.pipe(text(), v.check((path) => path.startsWith("/"), "must be an absolute path")),
  ),
  limits: v.optional(object(v.strictObject({
    open_files: v.optional(count()),
    core_bytes: v.optional(count()),
    address_space_bytes: v.optional(count()),
    processes: v.optional(count()),
    file_bytes: v.optional(count()),
    max_output_bytes: v.optional(v.pipe(count(), v.minValue(1, "must be at least 1"))),
  }))),
}));

const stopSchema = object(v.strictObject({
  signal: v.optional(v.picklist(STOP_SIGNALS, `must be one of ${STOP_SIGNALS.join(", ")}`)),
  grace_ms: v.optional(
    v.pipe(count(), v.maxValue(MAX_GRACE_MS, `must be at most ${MAX_GRACE_MS}`)),
  ),
}));

/** Parses the body of `POST /v1/processes`. */
export function parseStart(body: Uint8Array<ArrayBuffer>): Checked<StartRequest> {
  const checked = parseBody(startSchema, body);
  if ("problem" in checked) return checked;
  const { command, args, env, cwd, limits } = checked.value;
  return {
    value: {
      command,
      args,
      env,
      cwd,
      limits: limits && {
        openFiles: limits.open_files,
        coreBytes: limits.core_bytes,
        addressSpaceBytes: limits.address_space_bytes,
        processes: limits.processes,
        fileBytes: limits.file_bytes,
      },
      maxOutputBytes: limits?.max_output_bytes,
    },
  };
}

/** Parses the body of `POST /v1/processes/ID/stop`; an empty one equals `{}`. */
export function parseStop(body: Uint8Array<ArrayBuffer>): Checked<StopRequest> {
  if (body.length === 0) return { value: { signal: undefined, graceMs: undefined } };
  const checked = parseBody(stopSchema, body);
  if ("problem" in checked) return checked;
  return { value: { signal: checked.value.signal, graceMs: checked.value.grace_ms } };
}

export interface OutputQuery {
  readonly from: number;
  readonly follow: boolean;
  readonly stream: "stdout" | "stderr" | "both";
}

const PARAMETERS: Readonly<Record<string, RegExp>> = {
  follow: /^[01]$/,
  offset: /^\d{1,15}$/,
  stream: /^(?:stdout|stderr|both)$/,
};

/** Parses the query of `GET /v1/processes/ID/output`. */
export function parseOutputQuery(query: string): Checked<OutputQuery> {
  const given = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const pattern = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
    if (pattern === undefined) return refuseMalformed(`unknown parameter: ${name}`);
    if (given.has(name)) return refuseMalformed(`duplicate parameter: ${name}`);
    if (!pattern.test(value)) return refuseMalformed(`invalid value for ${name}: ${value}`);
    given.set(name, value);
  }
  return {
    value: {
      from: Number(given.get("offset") ?? 0),
      follow: given.get("follow") === "1",
      stream: (given.get("stream") ?? "both") as OutputQuery["stream"],
    },
  };
}

function parseBody<T>(
  schema: v.GenericSchema<unknown, T>,
  body: Uint8Array<ArrayBuffer>,
): Checked<T> {
  const json = decodeUtf8(body);
  if (json === undefined) return refuseMalformed("the body is not UTF-8");
  const parsed = parseStrictJson(json);
  if ("fault" in parsed) return refuseMalformed(describeFault(parsed.fault.kind));
  const { success, output, issues } = v.safeParse(schema, parsed.value, {
    abortEarly: true,
    abortPipeEarly: true,
  });
  return success ? { value: output } : refuseMalformed(describeIssue(issues[0]));
}

function describeFault(kind: "too_deep" | "malformed" | "duplicate_key"): string {
  if (kind === "too_deep") return "the body is nested too deep";
  return kind === "malformed" ? "the body is not JSON" : "the body has a key twice";
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  if (path === null) return "the body must be an object";
  if (issue.type !== "strict_object") return `${path} ${issue.message}`;
  if (issue.expected === "never") return `unknown field: ${path}`;
  return `${path} is missing`;
}

function refuseMalformed(detail: string): { problem: Problem } {
  return { problem: createProblem(400, detail) };
}

const TOO_LARGE = { problem: createProblem(413, "the body exceeds 1 MiB") };

/**
 * Reads a request's body, at most {@linkcode MAX_BODY_BYTES} regardless of its headers, within `timeoutMs`. After a problem,
 * the connection is not usable.
 */
export async function readBody(
  request: IncomingMessage,
  { clock, timeoutMs }: { clock: Clock; timeoutMs: number },
): Promise<Checked<Uint8Array<ArrayBuffer>>> {
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY_BYTES) return TOO_LARGE;
  const late = () => ({ problem: createProblem(408, "the body did not arrive in time") });
  return await withDeadline(collect(request), { clock, ms: timeoutMs, late });
}

function collect(request: IncomingMessage): Promise<Checked<Uint8Array<ArrayBuffer>>> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    request.on("data", (chunk: Uint8Array) => {
      length += chunk.length;
      if (length <= MAX_BODY_BYTES) chunks.push(chunk);
      else resolve(TOO_LARGE);
    });
    request.on("end", () => resolve({ value: Buffer.concat(chunks) }));
    const broken = () => resolve({ problem: createProblem(400, "the body did not arrive whole") });
    request.on("error", broken);
    request.on("close", broken);
    // a request that is already destroyed emits no further event
    if (request.destroyed) broken();
  });
}
