import type { Command } from "./command.ts";
import { COMMANDS } from "./command_table.ts";
import { GLOBAL_OPTIONS, type OptionName, OPTIONS, type OptionSpec } from "./options.ts";
import { type Build, VERSION } from "../core/build_info.ts";
import { fingerprintOrganizationKey } from "../license/organization_key.ts";

/** The help of the program or, with `group`, of that group's commands. */
export function formatProgramHelp(group?: string): string {
  const names = Object.keys(COMMANDS).filter((name) => !group || name.startsWith(group + " "));
  return [
    group ? `Usage: sentinel ${group} COMMAND` : "Usage: sentinel COMMAND",
    "",
    "Checks a license, keeps it alive, and launches and supervises the software it covers.",
    "",
    "Commands:",
    ...formatColumns(names.map((name) => [name, COMMANDS[name]!.summary])),
    "",
    "Run `sentinel COMMAND --help` for more. The default command is `run`: `sentinel --license FILE --software FILE`.",
    "Every option has an environment variable, such as SENTINEL_LOG_LEVEL for --log-level.",
  ].join("\n");
}

export function formatCommandHelp(name: string, command: Command): string {
  const notes = command.notes ?? [];
  return [
    `Usage: sentinel ${name} ${command.usage}`.trimEnd(),
    "",
    toSentence(COMMANDS[name]!.summary),
    "",
    "Options:",
    ...formatColumns(
      [...command.options, ...GLOBAL_OPTIONS].map((
        option,
      ) => [formatSignature(option), OPTIONS[option].help]),
    ),
    ...(notes.length > 0 ? ["", ...notes] : []),
  ].join("\n");
}

function formatSignature(name: OptionName): string {
  const { value, letter, repeatable }: OptionSpec = OPTIONS[name];
  return `${letter ? `-${letter}, ` : ""}--${name}${value ? ` ${value}` : ""}${
    repeatable ? "…" : ""
  }`;
}

function formatColumns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

function toSentence(summary: string): string {
  return summary[0]!.toUpperCase() + summary.slice(1) + ".";
}

/** The result of `--version --json`; values unknown to a run from source are null. */
export async function describeVersion(build: Build): Promise<Record<string, unknown>> {
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
      : await fingerprintOrganizationKey(build.organizationKey),
    software_id: build.softwareId ?? null,
    server_url: build.serverUrl ?? null,
    anti_tamper: build.antiTamper ?? null,
    ipc_peer: build.ipcPeer ?? null,
  };
}
