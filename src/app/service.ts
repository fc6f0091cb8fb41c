import { resolve } from "../core/paths.ts";
import { commandOfOurs } from "./detached.ts";
import type { Config } from "../config/schema.ts";
import { type ServiceDescription, type ServiceKind, serviceNameOf } from "../service/unit_file.ts";
import type { ServiceMembership, SystemServices } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";
import { ConfigError } from "../core/errors.ts";

export type { ServiceMembership, SystemServices };

/** A daemon that is to become a service. */
export interface ServiceOptions {
  readonly kind: ServiceKind;
  readonly configPath: string;
  readonly config: Config;
  readonly softwarePath: string;
  /** Absent where the program has the organization's key inside. */
  readonly orgKeyPath: string | undefined;
  /** The service's name (default: the software's). */
  readonly name: string | undefined;
}

/** Describes the daemon of a configuration file, as this very program would run it. */
export function describeService(
  { kind, configPath, config, softwarePath, orgKeyPath, name }: ServiceOptions,
): ServiceDescription {
  const { license, logging, ipc, server, process, security, shutdown } = config;
  const certificates = [server.certificate, server.key, server.certificate_authority]
    .concat(server.revocation_list);
  const dataFolder = server.data_dir === undefined ? undefined : `${server.data_dir}/`;
  const isThere = (path: string | undefined) => path !== undefined;
  const orgKey = orgKeyPath === undefined ? [] : ["--org-key", resolve(orgKeyPath)];
  return {
    name: name ?? serviceNameOf(softwarePath),
    configPath: resolve(configPath),
    command: [
      ...program(),
      "daemon",
      "start",
      kind === "windows" ? "--service" : "--foreground",
      "--config",
      resolve(configPath),
      ...orgKey,
    ],
    user: process.user,
    group: process.group,
    rootFolder: security.chroot_directory,
    capabilities: security.allowed_capabilities,
    stateFolder: license.state_dir,
    writablePaths: [dataFolder, logging.file, ipc.path].filter(isThere),
    readablePaths: [license.path, softwarePath, configPath, ...certificates].filter(isThere).map((
      path,
    ) => resolve(path)),
    stopTimeoutMs: shutdown.timeout_ms,
  };
}

/** What services are where they are no files; `undefined` elsewhere. */
export async function findSystemServices(): Promise<SystemServices | undefined> {
  return await selectPlatform().services?.();
}

/**
 * Our part in the service manager that started us.
 *
 * @throws {ConfigError} where none did.
 */
export async function joinServiceManager(): Promise<ServiceMembership> {
  const services = await findSystemServices();
  const membership = await services?.join();
  if (membership !== undefined) return membership;
  throw new ConfigError(
    "config.service",
    "--service is for the service manager of Windows: use --foreground",
  );
}

/** From source the entry is named by its whole URL: the service manager starts it in another folder. */
function program(): readonly string[] {
  const own = commandOfOurs(selectPlatform());
  if (own === undefined) {
    throw new ConfigError("config.service", "this system does not tell how sentinel was started");
  }
  return Deno.build.standalone ? [own.path] : [own.path, ...own.args.slice(0, -1), Deno.mainModule];
}
