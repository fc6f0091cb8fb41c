/** What `parseArgs` is told about the options (the part of the standard library's type that is used here). */
export interface ParseOptions {
  "--"?: boolean;
  alias?: Record<string, string | readonly string[]>;
  boolean?: readonly string[];
  string?: readonly string[];
  collect?: readonly string[];
  stopEarly?: boolean;
  unknown?: (argument: string, key?: string, value?: unknown) => unknown;
}

/** Parsed options by name, positional arguments under `_`, those behind `--` under `"--"`. */
export interface ParsedArgs {
  _: (string | number)[];
  "--"?: string[];
  [option: string]: unknown;
}

export function parseArgs(args: readonly string[], options?: ParseOptions): ParsedArgs;
