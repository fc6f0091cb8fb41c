import { resolve } from "../core/paths.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { Logger } from "../core/log.ts";
import type { CommandContext, ParsedArguments } from "./command.ts";
import type { LicenseRequest, RunRequest } from "../agent/run_request.ts";
import { ipcSettings } from "../daemon/settings.ts";
import { logSettings } from "./logging.ts";
import { findOrganizationKey, organizationKey } from "./organization_key_source.ts";

/** What of a configuration a run reads; tables are absent if no file is named. */
type RunConfig =
  & Pick<Config, "license">
  & { readonly software: Partial<Config["software"]> }
  & Partial<Pick<Config, "ipc" | "security">>;

/** The configuration with what beats it: options, and variables. */
export function effectiveConfig(args: ParsedArguments, config: Config): Config;
export function effectiveConfig(args: ParsedArguments, config: Config | undefined): RunConfig;
export function effectiveConfig(args: ParsedArguments, config: Config | undefined): RunConfig {
  return {
    ...config,
    license: {
      ...config?.license,
      path: args.value("license") ?? config?.license.path,
      server_url: args.value("server-url") ?? config?.license.server_url,
      state_dir: args.value("state-dir") ?? config?.license.state_dir,
    },
    software: {
      ...config?.software,
      path: args.value("software") ?? config?.software.path,
      ...(args.passed.length > 0 && { args: [...args.passed] }),
    },
    ...(config && {
      process: { ...config.process, pid_file: args.value("pid-file") ?? config.process.pid_file },
      logging: { ...config.logging, ...logSettings(args, config.logging) },
    }),
  };
}

/** The same with paths that stay right in another working directory. */
export function withAbsolutePaths(config: Config): Config {
  const { license, software, process } = config;
  const absolute = (path: string | undefined) => path === undefined ? undefined : resolve(path);
  return {
    ...config,
    license: {
      ...license,
      path: absolute(license.path),
      state_dir: absolute(license.state_dir),
    },
    software: { ...software, path: absolute(software.path) },
    process: { ...process, pid_file: absolute(process.pid_file) },
  };
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
 * What a run would prove its license with.
 *
 * @param config The effective one.
 */
export function licenseRequest(
  context: Pick<CommandContext, "args" | "build">,
  { license, ipc }: RunConfig,
): LicenseRequest {
  const { args, build } = context;
  return {
    licensePath: license.path,
    orgKey: findOrganizationKey(context),
    softwareId: build.softwareId,
    serverUrl: license.server_url ?? build.serverUrl,
    stateDir: license.state_dir,
    caFile: args.value("ca-file"),
    ipc: ipc === undefined ? {} : ipcSettings({ ipc }),
  };
}

/**
 * What is to be run.
 *
 * @param config The effective one.
 * @throws {UsageError} if something that is needed is named nowhere.
 */
export function runRequest(
  context: Pick<CommandContext, "args" | "build">,
  config: RunConfig,
): RunRequest {
  const { args } = context;
  const { license, software, security } = config;
  const licensePath = license.path ?? args.required("license");
  const softwarePath = resolve(software.path ?? args.required("software"));
  return {
    ...licenseRequest(context, config),
    licensePath,
    softwarePath,
    softwareArgs: software.args ?? [],
    softwareEnv: software.env ?? {},
    workingDirectory: software.working_directory,
    orgKey: organizationKey(context),
    tamperPolicy: security?.anti_tamper,
  };
}

/** Says what of a configuration file does nothing here, once for each table or key. */
export function warnOfNoEffect({ given }: LoadedConfig, log: Logger): void {
  for (const name of WITHOUT_EFFECT.filter((name) => given.has(name))) {
    log.warn(`${name.includes(".") ? name : `[${name}]`} has no effect on sentinel run`);
  }
}
