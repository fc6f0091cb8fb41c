import { SentinelError } from "../core/errors.ts";
import type { SystemServices } from "../platform/contract.ts";
import { serviceChanges, type ServiceDescription, windowsServiceName } from "./unit_file.ts";
import { requireOwn, ServicePlaceError } from "./owner.ts";

/** winerror.h. */
const ACCESS_DENIED = 5, MARKED_FOR_DELETE = 1072;

/**
 * Makes the service, or changes the one that is there if it may be (see {@linkcode requireOwn}).
 *
 * @returns What is to be typed next.
 * @throws {ServicePlaceError}
 */
export async function installWindowsService(
  service: ServiceDescription,
  services: SystemServices,
): Promise<string> {
  const name = windowsServiceName(service);
  const isThere = await requireOwnService(service, services);
  try {
    for (const args of serviceChanges(isThere ? "config" : "create", service)) {
      await change(args, name, services);
    }
  } catch (error) {
    if (!isThere) await services.change(["delete", name]);
    throw error;
  }
  return `sc.exe start ${name}`;
}

/**
 * Removes the service, if it may be (see {@linkcode requireOwn}); whether there was one.
 *
 * @throws {ServicePlaceError}
 */
export async function uninstallWindowsService(
  service: ServiceDescription,
  services: SystemServices,
): Promise<boolean> {
  const name = windowsServiceName(service);
  if (!await requireOwnService(service, services)) return false;
  await change(["delete", name], name, services);
  return true;
}

/** Whether there is one; somebody else's is left alone. */
async function requireOwnService(
  service: ServiceDescription,
  services: SystemServices,
): Promise<boolean> {
  const { configPath } = service;
  const name = windowsServiceName(service);
  const text = services.describe(name);
  if (text !== undefined) await requireOwn(`service ${name}`, { text, configPath });
  return text !== undefined;
}

async function change(
  args: readonly string[],
  name: string,
  services: SystemServices,
): Promise<void> {
  const error = await services.change(args);
  if (error === 0) return;
  throw refusal(name, error);
}

function refusal(name: string, error: number): SentinelError {
  if (error === ACCESS_DENIED) {
    return new ServicePlaceError(
      "permission.service",
      `service ${name} may not be changed: be administrator`,
    );
  }
  const why = error === MARKED_FOR_DELETE
    ? "it is being removed: stop it, and close what shows it"
    : `sc.exe ended with ${error}`;
  return new ServicePlaceError("config.service", `service ${name} cannot be changed (${why})`);
}
