import type { Build } from "../core/build.ts";
import { VERSION } from "../core/version.ts";
import { organizationKeyFingerprint } from "../license/organization_key.ts";

/** What `--version --json` tells; what a run from source cannot know is null. */
export async function versionFacts(build: Build): Promise<Record<string, unknown>> {
  const { deno, v8 } = Deno.version;
  return {
    version: VERSION,
    commit: build.commit ?? null,
    built_at: build.builtAt ?? null,
    target: build.target ?? Deno.build.target,
    profile: build.profile ?? null,
    permissions: build.permissions ?? null,
    runtime: `deno ${deno}, v8 ${v8}`,
    organization_key: build.organizationKey === undefined
      ? null
      : await organizationKeyFingerprint(build.organizationKey),
    software_id: build.softwareId ?? null,
    server_url: build.serverUrl ?? null,
  };
}
