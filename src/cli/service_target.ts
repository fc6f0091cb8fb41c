import {
  isServiceName,
  SERVICE_KINDS,
  type ServiceDescription,
  serviceFileName,
  type ServiceKind,
} from "../daemon/service_file.ts";
import { servicePath } from "../daemon/service_place.ts";
import type { SystemServices } from "../compose_service.ts";
import type { CommandContext } from "./command.ts";
import { nearest } from "./nearest.ts";
import { UsageError } from "./usage_error.ts";

/** What the `service` commands are for. */
export interface ServiceTarget {
  readonly kind: ServiceKind;
  readonly service: ServiceDescription;
}

/** @throws {UsageError} where the service manager is none that we know, or no configuration is named. */
export async function serviceTarget({ args, config }: CommandContext): Promise<ServiceTarget> {
  const given = args.operands[0]!;
  const kind = SERVICE_KINDS.find((kind) => kind === given);
  if (kind === undefined) {
    throw new UsageError(`unknown service manager: ${given}${nearest(given, SERVICE_KINDS)}`);
  }
  const configPath = args.required("config");
  const softwarePath = config?.config.software.path;
  if (config === undefined || softwarePath === undefined) {
    throw new UsageError(`${configPath} names no software: software.path is required`);
  }
  const { describeService } = await import("../compose_service.ts");
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
export function targetPath({ args }: CommandContext, { kind, service }: ServiceTarget): string {
  return servicePath(kind, {
    fileName: serviceFileName(kind, service.name),
    folder: args.value("out"),
  });
}

/** What a service that is no file is installed with; `undefined` where a file is to be written. */
export async function systemServices(
  { args }: CommandContext,
  { kind }: ServiceTarget,
): Promise<SystemServices | undefined> {
  if (kind !== "windows" || args.value("out") !== undefined) return undefined;
  const { findSystemServices } = await import("../compose_service.ts");
  return await findSystemServices();
}
