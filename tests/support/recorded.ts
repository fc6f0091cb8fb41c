import { systemClock } from "../../src/core/clock.ts";
import { launch, type LaunchedProcess } from "../../src/process/launch.ts";
import { OutputLog } from "../../src/process/output_log.ts";
import { type OutputItem, readOutput } from "../../src/process/output_reader.ts";
import { OutputWriter, type OutputWriterOptions } from "../../src/process/output_writer.ts";
import { recordOutput } from "../../src/process/record_output.ts";

/** A shell's script whose output is recorded. */
export interface Recorded {
  readonly child: LaunchedProcess;
  readonly log: OutputLog;
  readonly writer: OutputWriter;
  /** Whether the streams ended by themselves. */
  readonly recorded: Promise<boolean>;
}

export async function recordShell(
  script: string,
  folder: string,
  options: Partial<OutputWriterOptions> & { drainMs?: number } = {},
): Promise<Recorded> {
  const clock = options.clock ?? systemClock;
  const log = new OutputLog(folder);
  const writer = new OutputWriter(log, { clock: systemClock, ...options });
  const child = await launch({
    path: "/bin/sh",
    args: ["-c", script],
    env: {},
    output: "pipe",
  });
  const { drainMs } = options;
  const recorded = recordOutput(child.output!, writer, { clock, exited: child.exited, drainMs });
  return { child, log, writer, recorded };
}

/** All that a reader is given, byte by byte only what a test needs: text by stream, and the items that are no bytes. */
export interface ReadAll {
  readonly stdout: string;
  readonly stderr: string;
  readonly bytes: number;
  readonly others: OutputItem[];
}

export async function readAll(log: OutputLog, from = 0): Promise<ReadAll> {
  const text = { stdout: "", stderr: "" };
  const others: OutputItem[] = [];
  let bytes = 0;
  for await (const item of readOutput(log, { from })) {
    if (item.kind === "bytes") {
      text[item.stream] += new TextDecoder("latin1").decode(item.bytes);
      bytes += item.bytes.length;
    } else others.push(item);
  }
  return { ...text, bytes, others };
}

/** A log of so many bytes `0123456789…`, written in pieces of a size. */
export async function writeOutput(
  folder: string,
  { bytes, piece, ...options }: {
    bytes: number;
    piece: number;
    maxOutputBytes?: number;
    segmentBytes?: number;
  },
): Promise<OutputLog> {
  const log = new OutputLog(folder);
  const writer = new OutputWriter(log, { clock: systemClock, ...options });
  const text = "0123456789".repeat(Math.ceil(bytes / 10)).slice(0, bytes);
  for (let at = 0; at < bytes; at += piece) {
    await writer.append("stdout", new TextEncoder().encode(text.slice(at, at + piece)));
  }
  await writer.finish();
  return log;
}
