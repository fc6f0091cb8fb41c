import type { BuildInfo } from "../core/build_info.ts";
import { decodePem } from "../signing/pem.ts";

/** What `sentinel --version --json` prints; what is not known is `null`. */
export interface VersionAnswer {
  readonly version: string;
  readonly commit: string | null;
  readonly built_at: string | null;
  readonly target: string;
  readonly profile: string | null;
  readonly permissions: readonly string[] | null;
  readonly runtime: string;
  readonly standalone: boolean;
  /** SHA-256 of the embedded key's SubjectPublicKeyInfo (DER), hex: as `openssl pkey -pubin -outform DER | sha256sum`. */
  readonly key_fingerprint: string | null;
  readonly software_id: string | null;
  readonly server_url: string | null;
}

export async function describeVersion(build: BuildInfo): Promise<VersionAnswer> {
  return {
    version: build.version,
    commit: build.commit ?? null,
    built_at: build.builtAt ?? null,
    target: Deno.build.target,
    profile: build.profile ?? null,
    permissions: build.permissions ?? null,
    runtime: `deno ${Deno.version.deno}`,
    standalone: Deno.build.standalone,
    key_fingerprint: await fingerprint(build.organizationKey),
    software_id: build.softwareId ?? null,
    server_url: build.serverUrl ?? null,
  };
}

async function fingerprint(pem: string | undefined): Promise<string | null> {
  const der = pem === undefined ? undefined : decodePem(pem, "PUBLIC KEY");
  if (der === undefined) return null;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", der)).toHex();
}
