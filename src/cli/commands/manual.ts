import type { Command } from "../command.ts";
import { EXIT, EXIT_MEANINGS } from "../exit_codes.ts";
import { VERSION } from "../../core/build_info.ts";
import type { DescribedCommand, DescribedOption } from "../command_metadata.ts";
import { GLOBAL_OPTIONS } from "../options.ts";

export const command: Command = {
  usage: "",
  options: [],
  keeps: ["read", "env"],
  notes: [
    "To read it:    sentinel manual | man -l -",
    "To install it: sentinel manual > /usr/local/share/man/man1/sentinel.1",
  ],
  async run({ build, output, commands }) {
    const { describeCommands } = await import("../command_metadata.ts");
    output.result(formatManualPage(await describeCommands(commands), { builtAt: build.builtAt }));
    return EXIT.ok;
  },
};

/** The manual page of all commands, in man(7) markup. */
function formatManualPage(
  commands: readonly DescribedCommand[],
  { builtAt = "" }: { builtAt?: string | undefined },
): string {
  const isGlobal = ({ name }: DescribedOption) => GLOBAL_OPTIONS.includes(name);
  const globals = commands[0]?.options.filter(isGlobal) ?? [];
  return [
    `.TH SENTINEL 1 "${builtAt.slice(0, 10)}" "sentinel ${VERSION}"`,
    ".SH NAME",
    String.raw`sentinel \- check a license, and launch and supervise the software it covers`,
    ".SH SYNOPSIS",
    ".B sentinel",
    ".I COMMAND",
    "[options]",
    ".br",
    ".B sentinel",
    String.raw`\-\-license FILE \-\-software FILE [options] [\-\- ARG...]`,
    ".SH DESCRIPTION",
    escape(
      "Checks a license, keeps it alive against the vendor's license server, launches the software and serves the license " +
        "to it over a local socket. The default command is `run`.",
    ),
    ".SH COMMANDS",
    ...commands.flatMap((command) =>
      formatCommandSection(command, command.options.filter((option) => !isGlobal(option)))
    ),
    ".SH OPTIONS OF EVERY COMMAND",
    ...globals.flatMap(formatOptionItem),
    ".SH ENVIRONMENT",
    escape(
      "Every option has an environment variable, such as SENTINEL_LOG_LEVEL for --log-level; the option beats it. " +
        "NO_COLOR turns color off.",
    ),
    ".SH EXIT STATUS",
    ...EXIT_MEANINGS.flatMap(([status, meaning]) => [
      ".TP",
      `.B ${escape(status)}`,
      escape(meaning),
    ]),
  ].join("\n");
}

function formatCommandSection(
  { name, usage, summary, notes }: DescribedCommand,
  options: readonly DescribedOption[],
): string[] {
  return [
    `.SS "${escape(`sentinel ${name} ${usage}`.trimEnd())}"`,
    escape(summary[0]!.toUpperCase() + summary.slice(1) + "."),
    ...options.flatMap(formatOptionItem),
    ...(notes.length === 0 ? [] : [".PP", ".nf", ...notes.map(escape), ".fi"]),
  ];
}

function formatOptionItem({ name, letter, value, help }: DescribedOption): string[] {
  const short = letter === undefined ? "" : `-${letter}, `;
  const signature = `${short}--${name}${value === undefined ? "" : ` ${value}`}`;
  return [".TP", `.B ${escape(signature)}`, escape(help)];
}

/** Escapes backslashes, hyphens, quotes and a leading control character (groff(7)). */
function escape(text: string): string {
  const escaped = text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll('"', "\\(dq")
    .replaceAll("…", "...").replaceAll("×", "\\(mu");
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
