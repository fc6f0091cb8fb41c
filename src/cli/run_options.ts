import { resolve } from "../core/paths.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { LogFormat, Logger, LogLevel } from "../core/log.ts";
import type { OptionName } from "./options.ts";
import type { CommandContext, ParsedArguments } from "./command.ts";
import type { RunOptions } from "../app/run.ts";
import { ipcSettings, supervisionSettings } from "../daemon/settings.ts";
import { organizationKey } from "./organization_key_source.ts";

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

/** Tables, and keys of other tables, that are for the daemon alone. */
export const WITHOUT_EFFECT: readonly string[] = [
  "process",
  "health.listen",
  "limits",
  "security.umask",
  "security.chroot_directory",
  "security.drop_capabilities",
  "security.allowed_capabilities",
  "security.no_new_privileges",
  "server",
  "shutdown",
  "logging.file",
  "logging.rotate_bytes",
  "logging.rotate_keep",
];

/**
 * What is to be run: options and variables beat the configuration file.
 *
 * @throws {UsageError} where something that is needed is named nowhere.
 */
export function runOptions(
  { args, build }: Pick<CommandContext, "args" | "build">,
  loaded: LoadedConfig | undefined,
): RunOptions {
  const config = loaded?.config;
  return {
    licensePath: args.value("license") ?? config?.license.path ?? args.required("license"),
    softwarePath: args.value("software") ?? config?.software.path ?? args.required("software"),
    softwareArgs: args.passed.length > 0 ? args.passed : config?.software.args ?? [],
    softwareEnv: config?.software.env ?? {},
    workingDirectory: config?.software.working_directory,
    serverUrl: args.value("server-url") ?? config?.license.server_url ?? build.serverUrl,
    softwareId: build.softwareId,
    stateDir: args.value("state-dir") ?? config?.license.state_dir,
    orgKey: organizationKey({ args, build }),
    caFile: args.value("ca-file"),
    // without the table the software's end is the run's, as it is without a file
    supervision: loaded?.given.has("health") ? supervisionSettings(loaded.config) : undefined,
    tamperPolicy: config?.security.anti_tamper,
    ipc: config === undefined ? {} : ipcSettings(config),
  };
}

/** Says what of a configuration file does nothing here, once for each table or key. */
export function warnOfNoEffect({ given }: LoadedConfig, log: Logger): void {
  for (const name of WITHOUT_EFFECT.filter((name) => given.has(name))) {
    log.warn(`${name.includes(".") ? name : `[${name}]`} has no effect on sentinel run`);
  }
}
