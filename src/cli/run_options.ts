import { resolve } from "../core/paths.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import type { Logger } from "../core/log.ts";
import type { CommandContext, ParsedArguments } from "./command.ts";
import type { LicenseRequest, RunRequest } from "../agent/run_request.ts";
import { getIpcSettings } from "../daemon/settings.ts";
import { isMachineName, MACHINE_NAME_FORM } from "../core/machine_name.ts";
import { isStandardInput, type LicenseSource } from "../license/license_source.ts";
import { chooseTamperPolicy } from "./tamper_policy.ts";
import { UsageError } from "./usage_error.ts";
import { logSettings } from "./logging.ts";
import { findOrganizationKey, requireOrganizationKey } from "./organization_key_source.ts";

/** The part of a configuration that a run reads. Without a file most tables are absent. */
type RunConfig =
  & Pick<Config, "license">
  & { readonly software: Partial<Config["software"]> }
  & Partial<Pick<Config, "ipc" | "security">>;

/** Overrides the configuration with options and variables. */
export function applyOptions(args: ParsedArguments, config: Config): Config;
export function applyOptions(args: ParsedArguments, config: Config | undefined): RunConfig;
export function applyOptions(args: ParsedArguments, config: Config | undefined): RunConfig {
  return {
    ...config,
    license: {
      ...config?.license,
      path: args.value("license") ??
        (args.licenseText === undefined ? config?.license.path : undefined),
      server_url: args.value("server-url") ?? config?.license.server_url,
      state_dir: args.value("state-dir") ?? config?.license.state_dir,
      machine_name: readMachineName(args) ?? config?.license.machine_name,
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

function readMachineName(args: ParsedArguments): string | undefined {
  const name = args.value("machine-name");
  if (name === undefined || isMachineName(name)) return name;
  throw new UsageError(`--machine-name must be ${MACHINE_NAME_FORM}`);
}

/** Makes paths absolute, so that they survive a change of the working directory. */
export function resolveConfigPaths(config: Config): Config {
  const { license, software, process } = config;
  const absolute = (path: string | undefined) => path === undefined ? undefined : resolve(path);
  return {
    ...config,
    license: {
      ...license,
      path: license.path && isStandardInput(license.path) ? license.path : absolute(license.path),
      state_dir: absolute(license.state_dir),
    },
    software: { ...software, path: absolute(software.path) },
    process: { ...process, pid_file: absolute(process.pid_file) },
  };
}

/** Tables and keys that only a daemon uses. */
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

/** A line of the help of each command that reads a license. */
export const LICENSE_SOURCES =
  "FILE may be a pipe, or - for standard input; without a FILE, the text in SENTINEL_LICENSE_TEXT is the license.";

/**
 * Returns the source of the license: the path, which an option, a variable or the configuration names, else the text in the
 * variable for it.
 */
export function findLicense(
  { licenseText: text }: Pick<ParsedArguments, "licenseText">,
  path: string | undefined,
): LicenseSource | undefined {
  if (path !== undefined) return { path };
  return text === undefined ? undefined : { text };
}

/** Like {@linkcode findLicense}, but throws a {@linkcode UsageError} if there is no license. */
export function requireLicense(args: ParsedArguments, path: string | undefined): LicenseSource {
  return findLicense(args, path) ?? { path: args.required("license") };
}

/**
 * The part of a run request that concerns its license.
 *
 * @param config From {@linkcode applyOptions}.
 */
export function readLicenseRequest(
  context: Pick<CommandContext, "args" | "build">,
  { license, ipc }: RunConfig,
): LicenseRequest {
  const { args, build } = context;
  return {
    license: findLicense(args, license.path),
    orgKey: findOrganizationKey(context),
    softwareId: build.softwareId,
    serverUrl: license.server_url ?? build.serverUrl,
    stateDir: license.state_dir,
    machineName: license.machine_name,
    strictRollback: build.strictRollback,
    caFile: args.value("ca-file"),
    ipc: { ...(ipc && getIpcSettings({ ipc })), peer: ipc?.peer ?? build.ipcPeer ?? "user" },
  };
}

/**
 * The request for a run.
 *
 * @param config From {@linkcode applyOptions}.
 * @throws {UsageError} if the license, the software or the organization's key is missing.
 */
export function readRunRequest(
  context: Pick<CommandContext, "args" | "build" | "log">,
  config: RunConfig,
): RunRequest {
  const { args, build, log } = context;
  const { license, software, security } = config;
  const source = requireLicense(args, license.path);
  const softwarePath = resolve(software.path ?? args.required("software"));
  return {
    ...readLicenseRequest(context, config),
    license: source,
    softwarePath,
    softwareArgs: software.args ?? [],
    softwareEnv: software.env ?? {},
    workingDirectory: software.working_directory,
    orgKey: requireOrganizationKey(context),
    tamperPolicy: chooseTamperPolicy(
      { vendor: build.antiTamper, file: security?.anti_tamper },
      log,
    ),
  };
}

/** Warns of each table or key in the file that has no effect on `sentinel run`. */
export function warnOfNoEffect({ given }: LoadedConfig, log: Logger): void {
  for (const name of WITHOUT_EFFECT.filter((name) => given.has(name))) {
    log.warn(`${name.includes(".") ? name : `[${name}]`} has no effect on sentinel run`);
  }
}
