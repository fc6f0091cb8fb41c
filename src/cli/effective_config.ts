import { resolve } from "../core/paths.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { LogFormat, LogLevel } from "../core/log.ts";
import type { OptionName } from "./options.ts";
import type { ParsedArguments } from "./parse_arguments.ts";

/** The configuration with what beats it: options and variables. */
export function effectiveConfig(
  args: ParsedArguments,
  { config }: Pick<LoadedConfig, "config">,
): Config {
  const { license, software, process, logging } = config;
  const path = (name: OptionName) => {
    const value = args.value(name);
    return value === undefined ? undefined : resolve(value);
  };
  return {
    ...config,
    license: {
      ...license,
      ...given("path", path("license")),
      ...given("server_url", args.value("server-url")),
      ...given("state_dir", path("state-dir")),
    },
    software: {
      ...software,
      ...given("path", path("software")),
      ...(args.passed.length > 0 && { args: [...args.passed] }),
    },
    process: { ...process, ...given("pid_file", path("pid-file")) },
    logging: {
      ...logging,
      ...given("level", args.value("log-level") as LogLevel | undefined),
      ...given("format", args.value("log-format") as LogFormat | undefined),
    },
  };
}

function given<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : { [key]: value } as { [P in K]: V };
}
