import type { OrganizationKeySource } from "../license/organization_key.ts";
import type { CommandContext } from "./command.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Returns the source of the organization's key, or `undefined` if no option names one and none is built in.
 *
 * @throws {UsageError} if a key is named although one is built in.
 */
export function findOrganizationKey(
  { args, build }: Pick<CommandContext, "args" | "build">,
): OrganizationKeySource | undefined {
  const path = args.value("org-key");
  const { organizationKey: pem } = build;
  if (pem === undefined) return path === undefined ? undefined : { path };
  if (path === undefined) return { pem };
  throw new UsageError(
    "--org-key is not allowed: this sentinel has its organization's key built in",
  );
}

/** Like {@linkcode findOrganizationKey}, but throws a {@linkcode UsageError} if there is no key. */
export function requireOrganizationKey(
  context: Pick<CommandContext, "args" | "build">,
): OrganizationKeySource {
  return findOrganizationKey(context) ?? { path: context.args.required("org-key") };
}
