import { SentinelError } from "../core/errors.ts";
import type { SystemServices } from "../platform/contract.ts";
import { getWindowsServiceName, listServiceChanges, type ServiceDescription } from "./unit_file.ts";
import { requireOwnership, ServiceError } from "./owner.ts";

/** winerror.h. */
const ACCESS_DENIED = 5, MARKED_FOR_DELETE = 1072;

/**
 * Creates the service, or changes an existing one if {@linkcode requireOwnership} allows it.
 *
 * @returns The command to run next.
 * @throws {ServiceError}
 */
export async function installWindowsService(
  service: ServiceDescription,
  services: SystemServices,
): Promise<string> {
  const name = getWindowsServiceName(service);
  const exists = await requireServiceOwnership(service, services);
  try {
    for (const args of listServiceChanges(exists ? "config" : "create", service)) {
      await change(args, name, services);
    }
  } catch (error) {
    if (!exists) await services.change(["delete", name]);
    throw error;
  }
  return `sc.exe start ${name}`;
}

/**
 * Removes the service if {@linkcode requireOwnership} allows it.
 *
 * @returns Whether it existed.
 * @throws {ServiceError}
 */
export async function uninstallWindowsService(
  service: ServiceDescription,
  services: SystemServices,
): Promise<boolean> {
  const name = getWindowsServiceName(service);
  if (!await requireServiceOwnership(service, services)) return false;
  await change(["delete", name], name, services);
  return true;
}

/** Returns whether the service exists; throws if it is not sentinel's. */
async function requireServiceOwnership(
  service: ServiceDescription,
  services: SystemServices,
): Promise<boolean> {
  const { configPath } = service;
  const name = getWindowsServiceName(service);
  const text = services.describe(name);
  if (text !== undefined) await requireOwnership(`service ${name}`, { text, configPath });
  return text !== undefined;
}

async function change(
  args: readonly string[],
  name: string,
  services: SystemServices,
): Promise<void> {
  const error = await services.change(args);
  if (error === 0) return;
  throw createRefusal(name, error);
}

function createRefusal(name: string, error: number): SentinelError {
  if (error === ACCESS_DENIED) {
    return new ServiceError(
      "permission.service",
      `service ${name} cannot be changed: run as administrator`,
    );
  }
  const why = error === MARKED_FOR_DELETE
    ? "it is being removed: stop it, and close programs that show it"
    : `sc.exe ended with ${error}`;
  return new ServiceError("config.service", `service ${name} cannot be changed (${why})`);
}
