import type { OrganizationKeySource } from "../license/organization_key.ts";
import type { CommandContext } from "./command.ts";

type Given = Pick<CommandContext, "args" | "build">;

/** The key inside this program, else the one that `--org-key` names. */
export function organizationKey({ args, build }: Given): OrganizationKeySource | undefined {
  if (build.organizationKey !== undefined) return { pem: build.organizationKey };
  const path = args.value("org-key");
  return path === undefined ? undefined : { path };
}

/** The same, for a command that needs one. @throws {UsageError} */
export function requiredOrganizationKey(given: Given): OrganizationKeySource {
  return organizationKey(given) ?? { path: given.args.required("org-key") };
}
