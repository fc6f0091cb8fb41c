import { decodeUtf8, isObject, parseStrictJson } from "../core/strict_json.ts";

/** A request that has the contract's shape. */
export interface IpcRequest {
  readonly method: string;
  /** The `id` as JSON text, to be repeated in the answer; undefined where none was sent. */
  readonly idJson: string | undefined;
  readonly params: Readonly<Record<string, unknown>>;
  /** Whether there is nothing in it but the method. */
  readonly isPlain: boolean;
}

/** Reads one message; where it is no request, why. */
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
  const idJson = Number.isSafeInteger(id) ? String(id) : sourceOfId(text);
  return { method, idJson, params, isPlain: false };
}

/** What stands in the text for the outermost `id`: a number that JavaScript's do not hold is repeated as it came. */
function sourceOfId(text: string): string {
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
