import type { OrganizationKeySource } from "../license/organization_key.ts";
import type { CommandContext } from "./command.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Where the organization's key is to be taken from; `undefined` where no option says so, and none is built in.
 *
 * @throws {UsageError} where a key is given to a program that has its own.
 */
export function findOrganizationKey(
  { args, build }: Pick<CommandContext, "args" | "build">,
): OrganizationKeySource | undefined {
  const path = args.value("org-key");
  const { organizationKey: pem } = build;
  if (pem === undefined) return path === undefined ? undefined : { path };
  if (path === undefined) return { pem };
  throw new UsageError("--org-key is not taken: this sentinel has its organization's key built in");
}

/** As {@linkcode findOrganizationKey}, where it cannot be done without. */
export function organizationKey(
  context: Pick<CommandContext, "args" | "build">,
): OrganizationKeySource {
  return findOrganizationKey(context) ?? { path: context.args.required("org-key") };
}
