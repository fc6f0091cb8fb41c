import { resolve } from "../core/paths.ts";
import { findOwnCommand } from "./detached.ts";
import type { Config } from "../config/schema.ts";
import {
  deriveServiceName,
  type ServiceDescription,
  type ServiceKind,
} from "../service/unit_file.ts";
import type { ServiceMembership, SystemServices } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";
import { ConfigError } from "../core/errors.ts";

export type { ServiceMembership, SystemServices };

/** A daemon to be installed as a service. */
export interface ServiceOptions {
  readonly kind: ServiceKind;
  readonly configPath: string;
  readonly config: Config;
  readonly softwarePath: string;
  /** Absent if the organization's key is built in. */
  readonly orgKeyPath: string | undefined;
  /** Name of the service (default: that of the software). */
  readonly name: string | undefined;
}

/** Describes a service that runs the daemon of a configuration file with this program. */
export function describeService(
  { configPath, config, softwarePath, orgKeyPath, name }: ServiceOptions,
): ServiceDescription {
  const { license, logging, ipc, server, process, security, shutdown } = config;
  const certificates = [server.certificate, server.key, server.certificate_authority]
    .concat(server.revocation_list);
  const dataFolder = server.data_dir === undefined ? undefined : `${server.data_dir}/`;
  const isSet = (path: string | undefined) => path !== undefined;
  const orgKey = orgKeyPath === undefined ? [] : ["--org-key", resolve(orgKeyPath)];
  return {
    name: name ?? deriveServiceName(softwarePath),
    configPath: resolve(configPath),
    command: [
      ...findProgram(),
      "daemon",
      "start",
      "--service",
      "--config",
      resolve(configPath),
      ...orgKey,
    ],
    user: process.user,
    group: process.group,
    rootFolder: security.chroot_directory,
    capabilities: security.allowed_capabilities,
    stateFolder: license.state_dir,
    writablePaths: [dataFolder, logging.file, ipc.path].filter(isSet),
    readablePaths: [license.path, softwarePath, configPath, ...certificates].filter(isSet)
      .map((path) => resolve(path)),
    stopTimeoutMs: shutdown.timeout_ms,
  };
}

/** The system's service API, or `undefined` if services are files. */
export async function findSystemServices(): Promise<SystemServices | undefined> {
  return await selectPlatform().services?.();
}

/**
 * Connects to the service manager that started us.
 *
 * @returns `undefined` if the system's service managers need no connection.
 * @throws {ConfigError} if the system's service manager did not start us.
 */
export async function joinServiceManager(): Promise<ServiceMembership | undefined> {
  const services = await findSystemServices();
  if (services === undefined) return undefined;
  const membership = await services.join();
  if (membership !== undefined) return membership;
  throw new ConfigError(
    "config.service",
    "the Windows service manager did not start this process: use --foreground instead of --service",
  );
}

/** From source the main module is an absolute URL, since the service manager uses another working directory. */
function findProgram(): readonly string[] {
  const own = findOwnCommand(selectPlatform());
  if (own === undefined) {
    throw new ConfigError("config.service", "cannot determine how sentinel was started");
  }
  return Deno.build.standalone ? [own.path] : [own.path, ...own.args.slice(0, -1), Deno.mainModule];
}
