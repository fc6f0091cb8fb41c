import type { Platform } from "../platform/contract.ts";

/** How this program is started, without its own arguments. */
export interface OwnCommand {
  readonly path: string;
  readonly args: readonly string[];
}

export interface OwnCommandOptions {
  readonly platform: Pick<Platform, "commandLine">;
  /** Our own arguments. */
  readonly args: readonly string[];
  /** The runtime, or, compiled, ourselves. */
  readonly execPath: string;
  /** Whether we are one compiled program. */
  readonly isStandalone: boolean;
}

/** What loads other code into a program, or has it do what it is not asked to. */
const FORBIDDEN_VARIABLES = /^(?:DENO|NODE|LD|DYLD)_/;

/**
 * The command that starts this very program, from source, from a bundle and compiled; `undefined` where the system does not
 * tell.
 */
export function ownCommand(
  { platform, args, execPath, isStandalone }: OwnCommandOptions,
): OwnCommand | undefined {
  if (isStandalone) return { path: execPath, args: [] };
  const line = platform.commandLine();
  if (line === undefined || line.length <= args.length) return undefined;
  return { path: execPath, args: line.slice(1, line.length - args.length) };
}

/** Our environment, as it is passed on to ourselves: without what works on the runtime instead of on us. */
export function ownEnvironment(
  variables: Readonly<Record<string, string>>,
  { isStandalone }: Pick<OwnCommandOptions, "isStandalone">,
): Record<string, string> {
  const passed = Object.entries(variables).filter(([name]) =>
    // where modules are kept, from source
    !FORBIDDEN_VARIABLES.test(name) || !isStandalone && name === "DENO_DIR"
  );
  return Object.fromEntries(passed);
}
