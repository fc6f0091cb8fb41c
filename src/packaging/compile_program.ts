import type { Build, Profile } from "../core/build_info.ts";
import { BuildError, type DenoTool, faultLine, runDeno } from "./run_deno.ts";
import { ENTRY, MAIN } from "./program_modules.ts";
import { isWindows, type Target } from "./targets.ts";

/** One program to be compiled. */
interface CompileRequest {
  /** With the program's modules; the entry is written into it. */
  readonly folder: string;
  readonly target: Target;
  readonly build: Build;
  /** A module of the folder that is run first. */
  readonly firstModule?: string | undefined;
  /** The program's file. */
  readonly output: string;
}

/**
 * What holds for every program. The code cache is off because the runtime keeps it in a file of the temporary folder, where
 * whoever comes first writes what others run (docs/decisions/090-standalone.md).
 */
const FLAGS = [
  ...["--quiet", "--no-prompt", "--no-code-cache"],
  ...["--no-check", "--no-config", "--no-lock", "--no-npm", "--no-remote"],
];

/** Compiles a program. @throws {BuildError} */
export async function compileProgram(deno: DenoTool, request: CompileRequest): Promise<void> {
  const { folder, target, build, output } = request;
  const entry = `${folder}/${ENTRY}`;
  await Deno.writeTextFile(entry, entryModule(request));
  await setTimes(folder);
  const { success, stderr } = await runDeno(deno, [
    ...["compile", ...FLAGS, "--target", target],
    ...build.permissions ?? [],
    ...["--output", output, entry],
  ]);
  if (success) return;
  if (/\bdenort\b|base binary/.test(stderr)) throw missingRuntime(target);
  throw new BuildError(`${target} cannot be compiled: ${faultLine(stderr)}`);
}

/** The files' times go into the program, which is to be the same whenever it is made. */
async function setTimes(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) await Deno.utime(`${folder}/${name}`, 0, 0);
  await Deno.utime(folder, 0, 0);
}

/** The `main.ts` of a program that ships, and so what exits there: the program, with what is fixed for it. */
export function entryModule(
  { build, firstModule }: Pick<CompileRequest, "build" | "firstModule">,
): string {
  return [
    ...(firstModule === undefined ? [] : [`import "./${firstModule}";`]),
    `import { main } from "./${MAIN}";`,
    `Deno.exit(await main(Deno.args, { build: ${JSON.stringify(build)} }));`,
    "",
  ].join("\n");
}

function missingRuntime(target: Target): BuildError {
  return new BuildError(
    `no runtime for ${target}: deno compile could not download it; DENORT_BIN may name one (denort of this very release)`,
  );
}

/** Kinds of access that a program can be given, with their flags `--allow-…`. */
const KINDS = ["read", "write", "env", "net", "run", "ffi", "sys"] as const;
type Kind = (typeof KINDS)[number];

/** What a program is given: `true` is all of a kind, a list is these, absent is nothing. */
type PermissionSet = { readonly [kind in Kind]?: boolean | readonly string[] };

const EVERYTHING: PermissionSet = {
  ...{ read: true, write: true, env: true, net: true, run: true, ffi: true, sys: true },
};

/**
 * The sets, as `deno.json` names them.
 *
 * Files, the environment, libraries: which ones are up to configuration and system. A customer's Sentinel launches the software
 * and serves it on a socket, a server launches what clients ask for. A vendor's launches nothing but Deno, to build.
 *
 * What of the system is asked for is a user's id, the kernel's release and the umask; but the runtime wants `umask` to be
 * allowed and does not know it as a value of `--allow-sys`.
 */
export const PERMISSION_SETS: Readonly<Record<Profile, PermissionSet>> = {
  customer: EVERYTHING,
  vendor: { read: true, write: true, env: true, net: true, run: ["deno"] },
  server: EVERYTHING,
};

/** What a vendor knows of its customers, and permissions can be narrowed to. */
export interface Narrowing {
  readonly target: Target;
  readonly serverUrl?: string | undefined;
  /** The program to launch: absolute, on the customer's machine. */
  readonly softwarePath?: string | undefined;
}

/** A run's own places on the network: probes of the software's health, and where it is asked for. */
const LOOPBACK = ["127.0.0.1", "[::1]", "localhost"];

/**
 * The set, without what these customers do not need.
 *
 * The network is narrowed on Windows alone: elsewhere the runtime counts local sockets to it and wants each named by its
 * whole path, which depends on the user and on the software.
 */
export function narrow(
  set: PermissionSet,
  { target, serverUrl, softwarePath }: Narrowing,
): PermissionSet {
  const isNetKnown = serverUrl !== undefined && isWindows(target);
  return {
    ...set,
    ...(isNetKnown && { net: [hostAndPort(serverUrl), ...LOOPBACK] }),
    ...(softwarePath !== undefined && { run: [softwarePath] }),
  };
}

/** The set as flags of `deno run` and `deno compile`. */
export function permissionFlags(set: PermissionSet): string[] {
  return KINDS.flatMap((kind) => {
    const allowed = set[kind] ?? false;
    if (typeof allowed === "boolean") return allowed ? [`--allow-${kind}`] : [];
    return allowed.length === 0 ? [] : [`--allow-${kind}=${allowed.map(escapeComma).join(",")}`];
  });
}

/** A comma of a value is written twice. */
function escapeComma(value: string): string {
  return value.replaceAll(",", ",,");
}

function hostAndPort(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}
