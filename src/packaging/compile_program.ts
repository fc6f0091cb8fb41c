import { ALL_LIBC_PATHS } from "../../ffi/libc.ts";
import { LIBCRYPTO_PATHS } from "../../ffi/libcrypto.ts";
import { LIBSYSTEM_PATH } from "../../ffi/libsystem.ts";
import type { Build, Profile } from "../core/build_info.ts";
import { BuildError, type DenoTool, findErrorLine, runDeno } from "./run_deno.ts";
import { ENTRY, MAIN } from "./program_modules.ts";
import { isWindows, type Target } from "./targets.ts";

interface CompileRequest {
  /** The program's modules; receives the entry. */
  readonly folder: string;
  readonly target: Target;
  readonly build: Build;
  /** Name of a module in the folder that runs first. */
  readonly firstModule?: string | undefined;
  /** Path of the program. */
  readonly output: string;
}

/**
 * Flags of every program. The code cache is off: the runtime keeps it in the temporary directory, where any user could plant
 * code that others run (docs/decisions/090-standalone.md).
 */
const FLAGS = [
  ...["--quiet", "--no-prompt", "--no-code-cache"],
  ...["--no-check", "--no-config", "--no-lock", "--no-npm", "--no-remote"],
];

/** @throws {BuildError} */
export async function compileProgram(deno: DenoTool, request: CompileRequest): Promise<void> {
  const { folder, target, build, output } = request;
  const entry = `${folder}/${ENTRY}`;
  await Deno.writeTextFile(entry, renderEntryModule(request));
  await resetFileTimes(folder);
  const { success, stderr } = await runDeno(deno, [
    ...["compile", ...FLAGS, "--target", target],
    ...build.permissions ?? [],
    ...["--output", output, entry],
  ]);
  if (success) return;
  if (/\bdenort\b|base binary/.test(stderr)) throw makeMissingRuntimeError(target);
  throw new BuildError(`${target} cannot be compiled: ${findErrorLine(stderr)}`);
}

/** File times go into the program, so fixed ones keep builds reproducible. */
async function resetFileTimes(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) await Deno.utime(`${folder}/${name}`, 0, 0);
  await Deno.utime(folder, 0, 0);
}

/** Renders the entry of a compiled program, which calls `main` with its build and exits. */
export function renderEntryModule(
  { build, firstModule }: Pick<CompileRequest, "build" | "firstModule">,
): string {
  return [
    ...(firstModule === undefined ? [] : [`import "./${firstModule}";`]),
    `import { main } from "./${MAIN}";`,
    `Deno.exit(await main(Deno.args, { build: ${JSON.stringify(build)} }));`,
    "",
  ].join("\n");
}

function makeMissingRuntimeError(target: Target): BuildError {
  return new BuildError(
    `no runtime for ${target}: deno compile could not download it; DENORT_BIN may name one (denort of the same release)`,
  );
}

/** Kinds of permission, each with a flag `--allow-…`. */
const KINDS = ["read", "write", "env", "net", "run", "ffi", "sys"] as const;
type Kind = (typeof KINDS)[number];

/** A program's permissions: `true` grants all of a kind, a list grants its values. */
type PermissionSet = { readonly [kind in Kind]?: boolean | readonly string[] };

const EVERYTHING: PermissionSet = {
  ...{ read: true, write: true, env: true, net: true, run: true, ffi: true, sys: true },
};

/**
 * Permission sets by profile; `deno.json` has the same.
 *
 * See docs/decisions/140-permissions.md for why some are not narrowed. A command drops those it does not need (`keeps`).
 */
export const PERMISSION_SETS: Readonly<Record<Profile, PermissionSet>> = {
  customer: EVERYTHING,
  vendor: {
    ...{ read: true, write: true, env: true, net: true, run: ["deno"] },
    ffi: [...ALL_LIBC_PATHS, LIBSYSTEM_PATH, ...LIBCRYPTO_PATHS],
  },
  server: EVERYTHING,
};

/** Facts about the customers that restrict a program's permissions. */
export interface Narrowing {
  readonly target: Target;
  readonly serverUrl?: string | undefined;
  /** The program to launch: an absolute path on the customer's machine. */
  readonly softwarePath?: string | undefined;
}

/** Addresses for probes of the product's health and for the health endpoint. */
const LOOPBACK = ["127.0.0.1", "[::1]", "localhost"];

/**
 * Drops the permissions that these customers do not need.
 *
 * Narrows the network on Windows only: elsewhere `--allow-net` covers local sockets, by full paths that depend on user and
 * product.
 */
export function narrowPermissions(
  set: PermissionSet,
  { target, serverUrl, softwarePath }: Narrowing,
): PermissionSet {
  const isNetKnown = serverUrl !== undefined && isWindows(target);
  return {
    ...set,
    ...(isNetKnown && { net: [formatHostAndPort(serverUrl), ...LOOPBACK] }),
    ...(softwarePath !== undefined && { run: [softwarePath] }),
  };
}

/** Formats a set as flags of `deno run` and `deno compile`. */
export function formatPermissionFlags(set: PermissionSet): string[] {
  return KINDS.flatMap((kind) => {
    const allowed = set[kind] ?? false;
    if (typeof allowed === "boolean") return allowed ? [`--allow-${kind}`] : [];
    return allowed.length === 0 ? [] : [`--allow-${kind}=${allowed.map(escapeComma).join(",")}`];
  });
}

/** A comma in a value is doubled. */
function escapeComma(value: string): string {
  return value.replaceAll(",", ",,");
}

function formatHostAndPort(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}
