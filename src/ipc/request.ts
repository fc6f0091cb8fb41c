import { decodeUtf8, isObject, parseStrictJson } from "../core/strict_json.ts";

/** A valid request. */
export interface IpcRequest {
  readonly method: string;
  /** The `id` as JSON text, for the answer; undefined if the request has none. */
  readonly idJson: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
  /** Whether `method` is the only field. */
  readonly isPlain: boolean;
}

/** Parses a message; returns the fault if it is not a valid request. */
export function parseRequest(
  bytes: Uint8Array<ArrayBuffer>,
): IpcRequest | "malformed" | "too_deep" {
  const text = decodeUtf8(bytes);
  if (text === undefined) return "malformed";
  const result = parseStrictJson(text);
  if ("fault" in result) return result.fault.kind === "too_deep" ? "too_deep" : "malformed";
  const { value } = result;
  if (!isObject(value)) return "malformed";
  const { method, id, params = {} } = value;
  if (typeof method !== "string" || !isObject(params)) return "malformed";
  if (id === undefined) {
    return { method, idJson: undefined, params, isPlain: Object.keys(value).length === 1 };
  }
  if (typeof id === "string") {
    return { method, idJson: JSON.stringify(id), params, isPlain: false };
  }
  if (typeof id !== "number") return "malformed";
  const idJson = Number.isSafeInteger(id) ? String(id) : findIdSource(text);
  return { method, idJson, params, isPlain: false };
}

/** Source text of the outermost `id`, to repeat a number that JavaScript cannot represent exactly. */
function findIdSource(text: string): string {
  const sources = new Map<unknown, string>();
  const parse = JSON.parse as (text: string, reviver: ReviverWithSource) => unknown;
  const root = parse(text, function (key, value, context) {
    if (key === "id" && context.source !== undefined) sources.set(this, context.source);
    return value;
  });
  return sources.get(root)!;
}

/** ECMAScript 2026, JSON.parse source text access. */
type ReviverWithSource = (
  this: unknown,
  key: string,
  value: unknown,
  context: { source?: string },
) => unknown;
