import { SentinelError } from "../core/errors.ts";
import type { SystemServices } from "../platform/contract.ts";
import {
  OWN_MARK,
  serviceChanges,
  type ServiceDescription,
  windowsServiceName,
} from "./service_file.ts";
import { ServicePlaceError } from "./service_place.ts";

/** winerror.h. */
const ACCESS_DENIED = 5, MARKED_FOR_DELETE = 1072;

/**
 * Makes the service, or changes the one that is there if it is ours.
 *
 * @returns What is to be typed next.
 * @throws {ServicePlaceError}
 */
export async function installWindowsService(
  service: ServiceDescription,
  services: SystemServices,
): Promise<string> {
  const name = windowsServiceName(service);
  const isThere = requireOwn(name, services);
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
 * Removes the service, if it is ours; whether there was one.
 *
 * @throws {ServicePlaceError}
 */
export async function uninstallWindowsService(
  service: ServiceDescription,
  services: SystemServices,
): Promise<boolean> {
  const name = windowsServiceName(service);
  if (!requireOwn(name, services)) return false;
  await change(["delete", name], name, services);
  return true;
}

/** Whether there is one; somebody else's is left alone. */
function requireOwn(name: string, services: SystemServices): boolean {
  const description = services.describe(name);
  if (description === undefined || description.includes(OWN_MARK)) return description !== undefined;
  throw new ServicePlaceError(
    "config.service",
    `service ${name} was not made by sentinel: remove it first`,
  );
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
