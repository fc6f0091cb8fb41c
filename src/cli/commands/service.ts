import {
  formatServiceFile,
  getServiceFileName,
  getWindowsServiceName,
  isServiceName,
  SERVICE_KINDS,
  type ServiceDescription,
  type ServiceKind,
} from "../../service/unit_file.ts";
import {
  formatFolderCommand,
  getServicePath,
  installService,
  uninstallService,
} from "../../service/install.ts";
import type { SystemServices } from "../../app/service.ts";
import type { Command, CommandContext } from "../command.ts";
import { suggest, UsageError } from "../usage_error.ts";
import { EXIT } from "../exit_codes.ts";

/** The service that a command is about. */
interface ServiceTarget {
  readonly kind: ServiceKind;
  readonly service: ServiceDescription;
}

/** @throws {UsageError} if the service manager is unknown, or the configuration names no software. */
async function readServiceTarget({ args, config }: CommandContext): Promise<ServiceTarget> {
  const given = args.operands[0]!;
  const kind = SERVICE_KINDS.find((kind) => kind === given);
  if (kind === undefined) {
    throw new UsageError(`unknown service manager: ${given}${suggest(given, SERVICE_KINDS)}`);
  }
  const configPath = args.required("config");
  const softwarePath = config?.config.software.path;
  if (config === undefined || softwarePath === undefined) {
    throw new UsageError(`${configPath} names no software: software.path is required`);
  }
  const { describeService } = await import("../../app/service.ts");
  const orgKeyPath = args.value("org-key");
  const name = args.value("service-name");
  if (name !== undefined && !isServiceName(name)) {
    throw new UsageError("--service-name must be at most 32 letters, digits and . _ -");
  }
  return {
    kind,
    service: describeService({
      kind,
      configPath,
      config: config.config,
      softwarePath,
      orgKeyPath,
      name,
    }),
  };
}

/** Path of the service's file, in `--out` or the service manager's directory. */
function getTargetPath({ args }: CommandContext, { kind, service }: ServiceTarget): string {
  return getServicePath(kind, {
    fileName: getServiceFileName(kind, service.name),
    folder: args.value("out"),
  });
}

/** The service manager to install into, or `undefined` if a service is a file. */
async function findServices(
  { args }: CommandContext,
  { kind }: ServiceTarget,
): Promise<SystemServices | undefined> {
  if (kind !== "windows" || args.value("out") !== undefined) return undefined;
  const { findSystemServices } = await import("../../app/service.ts");
  return await findSystemServices();
}

export const serviceInstall: Command = {
  usage: "systemd|launchd|windows --config FILE [--org-key FILE] [--service-name NAME] [--out DIR]",
  options: ["config", "org-key", "service-name", "out"],
  operands: { min: 1, max: 1, words: SERVICE_KINDS },
  notes: [
    "Needs root, unless --out names a directory other than the service manager's. Replaces a service of the same name only",
    "if this command created it, for this configuration or for one that no longer exists. For a second service of the",
    "same software use --service-name. On Windows it runs sc.exe, which needs an administrator.",
  ],
  async run(context) {
    const target = await readServiceTarget(context);
    const services = await findServices(context, target);
    if (services !== undefined) {
      const { installWindowsService } = await import("../../service/windows.ts");
      const next = await installWindowsService(target.service, services);
      context.output.result(
        `service ${getWindowsServiceName(target.service)} installed\nnext: ${next}`,
      );
      return EXIT.ok;
    }
    const path = getTargetPath(context, target);
    const text = formatServiceFile(target.kind, target.service);
    const { configPath } = target.service;
    const next = await installService(target.kind, { path, text, configPath });
    // a file written elsewhere may be for another machine
    const isForHere = context.args.value("out") === undefined;
    const first = isForHere ? await formatFolderCommand(target.service) : undefined;
    context.output.result(`${path} written\nnext: ${first ? `${first} && ` : ""}${next}`);
    return EXIT.ok;
  },
};

export const servicePrint: Command = {
  usage: "systemd|launchd|windows --config FILE [--org-key FILE] [--service-name NAME]",
  options: ["config", "org-key", "service-name"],
  operands: { min: 1, max: 1, words: SERVICE_KINDS },
  notes: [
    "The definition runs `daemon start --service` with this configuration, as [process] user and group, with write",
    "access only to the paths in the configuration. The directories it names must exist.",
  ],
  async run(context) {
    const { kind, service } = await readServiceTarget(context);
    context.output.result(formatServiceFile(kind, service).trimEnd());
    return EXIT.ok;
  },
};

export const serviceUninstall: Command = {
  usage: "systemd|launchd|windows --config FILE [--out DIR]",
  options: ["config", "org-key", "service-name", "out"],
  operands: { min: 1, max: 1, words: SERVICE_KINDS },
  notes: [
    "Stop the service first: `systemctl disable --now NAME`, `launchctl bootout system/NAME`,",
    "`sc.exe stop NAME`.",
  ],
  async run(context) {
    const target = await readServiceTarget(context);
    const services = await findServices(context, target);
    if (services !== undefined) {
      const { uninstallWindowsService } = await import("../../service/windows.ts");
      const existed = await uninstallWindowsService(target.service, services);
      return printRemoval(context, `service ${getWindowsServiceName(target.service)}`, existed);
    }
    const path = getTargetPath(context, target);
    return printRemoval(context, path, await uninstallService(path, target.service.configPath));
  },
};

function printRemoval({ output }: CommandContext, what: string, existed: boolean): number {
  output.result(`${what} ${existed ? "removed" : "does not exist"}`);
  return EXIT.ok;
}
