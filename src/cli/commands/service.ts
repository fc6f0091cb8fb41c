import {
  isServiceName,
  SERVICE_KINDS,
  type ServiceDescription,
  serviceFile,
  serviceFileName,
  type ServiceKind,
  windowsServiceName,
} from "../../service/unit_file.ts";
import {
  commandForFolders,
  installService,
  servicePath,
  uninstallService,
} from "../../service/install.ts";
import type { SystemServices } from "../../app/service.ts";
import type { Command, CommandContext } from "../command.ts";
import { suggest, UsageError } from "../usage_error.ts";
import { EXIT } from "../exit_codes.ts";

/** What the `service` commands are for. */
interface ServiceTarget {
  readonly kind: ServiceKind;
  readonly service: ServiceDescription;
}

/** @throws {UsageError} where the service manager is none that we know, or no configuration is named. */
async function serviceTarget({ args, config }: CommandContext): Promise<ServiceTarget> {
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
    throw new UsageError("--service-name takes letters, digits and . _ - only, 32 at most");
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

/** The service's file, in `--out` or where the service manager looks. */
function targetPath({ args }: CommandContext, { kind, service }: ServiceTarget): string {
  return servicePath(kind, {
    fileName: serviceFileName(kind, service.name),
    folder: args.value("out"),
  });
}

/** What a service that is no file is installed with; `undefined` where a file is to be written. */
async function systemServices(
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
    "Needs root, unless --out names another folder than the service manager's. A service of the same name is",
    "replaced only if it was made by this command for this configuration, or for one that is not there any more:",
    "name a second one of the same software (--service-name). On Windows an administrator's sc.exe is run.",
  ],
  async run(context) {
    const target = await serviceTarget(context);
    const services = await systemServices(context, target);
    if (services !== undefined) {
      const { installWindowsService } = await import("../../service/windows.ts");
      const next = await installWindowsService(target.service, services);
      context.output.result(
        `service ${windowsServiceName(target.service)} installed\nnext: ${next}`,
      );
      return EXIT.ok;
    }
    const path = targetPath(context, target);
    const text = serviceFile(target.kind, target.service);
    const { configPath } = target.service;
    const next = await installService(target.kind, { path, text, configPath });
    // one that is written elsewhere may be for another machine
    const isForHere = context.args.value("out") === undefined;
    const first = isForHere ? await commandForFolders(target.service) : undefined;
    context.output.result(`${path} written\nnext: ${first ? `${first} && ` : ""}${next}`);
    return EXIT.ok;
  },
};

export const servicePrint: Command = {
  usage: "systemd|launchd|windows --config FILE [--org-key FILE] [--service-name NAME]",
  options: ["config", "org-key", "service-name"],
  operands: { min: 1, max: 1, words: SERVICE_KINDS },
  notes: [
    "The definition runs `daemon start --foreground` with this configuration, as [process] user and group,",
    "and may write only where the configuration says. Folders that it names must be there.",
  ],
  async run(context) {
    const { kind, service } = await serviceTarget(context);
    context.output.result(serviceFile(kind, service).trimEnd());
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
    const target = await serviceTarget(context);
    const services = await systemServices(context, target);
    if (services !== undefined) {
      const { uninstallWindowsService } = await import("../../service/windows.ts");
      const wasThere = await uninstallWindowsService(target.service, services);
      return tell(context, `service ${windowsServiceName(target.service)}`, wasThere);
    }
    const path = targetPath(context, target);
    return tell(context, path, await uninstallService(path, target.service.configPath));
  },
};

function tell({ output }: CommandContext, what: string, wasThere: boolean): number {
  output.result(`${what} ${wasThere ? "removed" : "is not there"}`);
  return EXIT.ok;
}
