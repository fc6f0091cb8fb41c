import type { ProcessStatus } from "../remote/wire.ts";

const HEAD = ["ID", "STATE", "STARTED", "OUTPUT", "COMMAND"];

/** Processes as a table, one line each; text of theirs can neither end a line nor move the cursor. */
export function processTable(
  processes: readonly ProcessStatus[],
  describe: (process: ProcessStatus) => string,
): string {
  const rows = [
    HEAD,
    ...processes.map((process) => [
      process.id,
      describe(process),
      process.started_at,
      `${process.output_bytes} B`,
      [process.command, ...process.args].map(word).join(" "),
    ]),
  ];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()
  ).join("\n");
}

/** As it is where that is plain to see, else as JSON writes it. */
function word(text: string): string {
  return /^[^\s"'\\\p{C}]+$/u.test(text)
    ? text
    : JSON.stringify(text).replaceAll(/\p{C}/gu, (char) =>
      `\\u{${char.codePointAt(0)!.toString(16)}}`);
}
