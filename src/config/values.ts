import { isMachineName, MACHINE_NAME_FORM } from "../core/machine_name.ts";
import { isHttpUrl } from "../core/text.ts";
import { isObject } from "../core/strict_json.ts";
import * as v from "valibot";
import { parseProbe } from "../core/health_probe.ts";

/** Makes a path absolute; a relative one resolves against the configuration file's directory. */
export type ResolvePath = (path: string) => string;

// Each schema's message says what is allowed, in words that fit after `must be`.

export function oneOf<const T extends readonly string[]>(
  words: T,
): v.PicklistSchema<T, string> {
  return v.picklist(words, `one of ${words.join(", ")}`);
}

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

/** A time in milliseconds, at most one day. */
export function milliseconds({ min }: { min: 0 | 1 }): v.GenericSchema<unknown, number> {
  return wholeNumber({ min, max: 86_400_000 });
}

/** A number of bytes or items, up to the largest safe integer. */
export function count({ min = 0 } = {}): v.GenericSchema<unknown, number> {
  return wholeNumber({ min, max: Number.MAX_SAFE_INTEGER });
}

export function yesOrNo(): v.BooleanSchema<string> {
  return v.boolean("true or false");
}

/** Text that is not empty and has no NUL. */
export function text(allowed = "text that is not empty"): v.GenericSchema<unknown, string> {
  return v.pipe(v.unknown(), v.string(allowed), v.regex(/^[^\0]+$/, allowed));
}

/** A machine's name in the vendor's list. */
export function machineName(): v.GenericSchema<unknown, string> {
  return v.pipe(
    v.unknown(),
    v.string(MACHINE_NAME_FORM),
    v.check(isMachineName, MACHINE_NAME_FORM),
  );
}

export function textLike(form: RegExp, allowed: string): v.GenericSchema<unknown, string> {
  return v.pipe(v.unknown(), v.string(allowed), v.regex(form, allowed));
}

export function path(resolvePath: ResolvePath): v.GenericSchema<unknown, string> {
  return v.pipe(text("a path"), v.transform(resolvePath));
}

export function httpUrl(allowed = "an http(s) URL"): v.GenericSchema<unknown, string> {
  return v.pipe(v.unknown(), v.string(allowed), v.check(isHttpUrl, allowed));
}

export function hostAndPort(): v.GenericSchema<unknown, string> {
  const allowed = "HOST:PORT, such as 127.0.0.1:7890";
  return v.pipe(v.unknown(), v.string(allowed), v.check(isHostAndPort, allowed));
}

/** A health probe of the software; see {@linkcode parseProbe}. */
export function probe(): v.GenericSchema<unknown, string> {
  const allowed = "none, ipc, tcp:HOST:PORT, http:URL or exec:CMD";
  return v.pipe(
    v.unknown(),
    v.string(allowed),
    v.check((text) => parseProbe(text) !== undefined, allowed),
  );
}

export function listOf<T>(
  item: v.GenericSchema<unknown, T>,
  allowed: string,
): v.GenericSchema<unknown, T[]> {
  return v.pipe(v.unknown(), v.array(item, allowed));
}

/** A regular expression of JavaScript. */
export function pattern(): v.GenericSchema<unknown, string> {
  const allowed = "a regular expression";
  return v.pipe(v.unknown(), v.string(allowed), v.check(isPattern, allowed));
}

/** The name of an environment variable. */
export function variableName(): v.GenericSchema<unknown, string> {
  return textLike(/^[^=\0]+$/, "the name of a variable");
}

/** Environment variables by name, except those that Sentinel sets itself. */
export function variables(): v.GenericSchema<unknown, Record<string, string>> {
  const name = v.pipe(
    v.string(),
    v.regex(/^[^=\0]+$/, "the name of a variable"),
    v.notValues(
      ["SENTINEL_IPC_SOCKET", "SENTINEL_PROCESS"],
      "left unset, as sentinel sets it itself",
    ),
  );
  return v.pipe(
    v.unknown(),
    v.check(isTable, "a table of variables"),
    v.record(name, v.pipe(v.string("text"), v.regex(/^[^\0]*$/, "text without NUL"))),
  );
}

export function isTable(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !(value instanceof Date);
}

function isHostAndPort(text: string): boolean {
  const port = /^(?:\[[0-9A-Fa-f:.]+\]|[^\s:[\]/]+):(\d{1,5})$/.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}

function isPattern(source: string): boolean {
  try {
    new RegExp(source, "u");
    return true;
  } catch {
    return false;
  }
}
