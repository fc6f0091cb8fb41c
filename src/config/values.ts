import { isHttpUrl } from "../core/text.ts";
import { isObject } from "../core/strict_json.ts";
import * as v from "valibot";
import { parseProbe } from "../core/health_probe.ts";

/** Makes a path absolute, relative ones against the configuration file's folder. */
export type ResolvePath = (path: string) => string;

// Each schema's message says what is allowed, so that it can stand behind `must be`.

/** One of a few words. */
export function oneOf<const T extends readonly string[]>(
  words: T,
): v.PicklistSchema<T, string> {
  return v.picklist(words, `one of ${words.join(", ")}`);
}

/** A whole number of the range. */
export function wholeNumber(
  { min, max }: { min: number; max: number },
): v.GenericSchema<unknown, number> {
  const allowed = `a whole number from ${min} to ${max}`;
  return v.pipe(
    v.unknown(),
    v.number(allowed),
    v.integer(allowed),
    v.minValue(min, allowed),
    v.maxValue(max, allowed),
  );
}

/** A time in milliseconds, at most a day; 0 only where it means something. */
export function milliseconds({ min }: { min: 0 | 1 }): v.GenericSchema<unknown, number> {
  return wholeNumber({ min, max: 86_400_000 });
}

/** A number of bytes or of things, as large as a number can be exact. */
export function count({ min = 0 } = {}): v.GenericSchema<unknown, number> {
  return wholeNumber({ min, max: Number.MAX_SAFE_INTEGER });
}

/** `true` or `false`. */
export function yesOrNo(): v.BooleanSchema<string> {
  return v.boolean("true or false");
}

/** Text with something in it, and nothing that ends a C string. */
export function text(allowed = "text that is not empty"): v.GenericSchema<unknown, string> {
  return v.pipe(v.unknown(), v.string(allowed), v.regex(/^[^\0]+$/, allowed));
}

/** Text of a form. */
export function textLike(form: RegExp, allowed: string): v.GenericSchema<unknown, string> {
  return v.pipe(v.unknown(), v.string(allowed), v.regex(form, allowed));
}

/** A path; absolute in the result. */
export function path(resolvePath: ResolvePath): v.GenericSchema<unknown, string> {
  return v.pipe(text("a path"), v.transform(resolvePath));
}

/** An http or https URL. */
export function httpUrl(allowed = "an http(s) URL"): v.GenericSchema<unknown, string> {
  return v.pipe(v.unknown(), v.string(allowed), v.check(isHttpUrl, allowed));
}

/** `HOST:PORT`. */
export function hostAndPort(): v.GenericSchema<unknown, string> {
  const allowed = "HOST:PORT, such as 127.0.0.1:7890";
  return v.pipe(v.unknown(), v.string(allowed), v.check(isHostAndPort, allowed));
}

/** How the software is asked whether it is well. */
export function probe(): v.GenericSchema<unknown, string> {
  const allowed = "none, ipc, tcp:HOST:PORT, http:URL or exec:CMD";
  return v.pipe(
    v.unknown(),
    v.string(allowed),
    v.check((text) => parseProbe(text) !== undefined, allowed),
  );
}

/** A list of such values. */
export function listOf<T>(
  item: v.GenericSchema<unknown, T>,
  allowed: string,
): v.GenericSchema<unknown, T[]> {
  return v.pipe(v.unknown(), v.array(item, allowed));
}

/** Environment variables by name, save the one that is ours to set. */
export function variables(): v.GenericSchema<unknown, Record<string, string>> {
  const name = v.pipe(
    v.string(),
    v.regex(/^[^=\0]+$/, "the name of a variable"),
    v.notValues(
      ["SENTINEL_IPC_SOCKET", "SENTINEL_PROCESS"],
      "left to sentinel, which sets it itself",
    ),
  );
  return v.pipe(
    v.unknown(),
    v.check(isTable, "a table of variables"),
    v.record(name, v.pipe(v.string("text"), v.regex(/^[^\0]*$/, "text without NUL"))),
  );
}

/** Whether a value is a TOML table. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !(value instanceof Date);
}

function isHostAndPort(text: string): boolean {
  const port = /^(?:\[[0-9A-Fa-f:.]+\]|[^\s:[\]/]+):(\d{1,5})$/.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}
