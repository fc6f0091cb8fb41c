import { resolve } from "./core/paths.ts";
import type { Config } from "./config/schema.ts";
import { ownCommand } from "./daemon/own_command.ts";
import { type ServiceDescription, serviceNameOf } from "./daemon/service_file.ts";
import { selectPlatform } from "./platform/select.ts";
import { ConfigError } from "./sentinel/config_error.ts";
import { stateFolder } from "./sentinel/state_place.ts";

/** A daemon that is to become a service. */
export interface ServiceOptions {
  readonly configPath: string;
  readonly config: Config;
  readonly softwarePath: string;
  /** Absent where the program has the organisation's key inside. */
  readonly orgKeyPath: string | undefined;
}

/** Describes the daemon of a configuration file, as this very program would run it. */
export function describeService(
  { configPath, config, softwarePath, orgKeyPath }: ServiceOptions,
): ServiceDescription {
  const platform = selectPlatform();
  const { license, logging, ipc, server, process, security, shutdown } = config;
  const readVariable = (name: string) => Deno.env.get(name);
  const folders = [stateFolder(license.state_dir, { platform, readVariable }), server.data_dir];
  const certificates = [server.certificate, server.key, server.certificate_authority]
    .concat(server.revocation_list);
  const files = [logging.file, ipc.path];
  const isThere = (path: string | undefined) => path !== undefined;
  const orgKey = orgKeyPath === undefined ? [] : ["--org-key", resolve(orgKeyPath)];
  return {
    name: serviceNameOf(softwarePath),
    command: [
      ...program(),
      "daemon",
      "start",
      "--foreground",
      "--config",
      resolve(configPath),
      ...orgKey,
    ],
    user: process.user,
    group: process.group,
    capabilities: security.allowed_capabilities,
    writablePaths: [...folders.filter(isThere).map((path) => `${path}/`), ...files.filter(isThere)],
    readablePaths: [license.path, softwarePath, configPath, ...certificates].filter(isThere).map((
      path,
    ) => resolve(path)),
    stopTimeoutMs: shutdown.timeout_ms,
  };
}

function program(): readonly string[] {
  const own = ownCommand({
    platform: selectPlatform(),
    args: Deno.args,
    execPath: Deno.execPath(),
    isStandalone: Deno.build.standalone,
  });
  if (own !== undefined) return [own.path, ...own.args];
  throw new ConfigError("config.service", "this system does not tell how sentinel was started");
}
