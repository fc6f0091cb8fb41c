import { systemClock } from "../../src/core/clock.ts";
import type { OutputItem } from "../../src/core/output_item.ts";
import type { LaunchedProcess } from "../../src/process/launch.ts";
import { OutputLog } from "../../src/process/output/log.ts";
import { readOutput } from "../../src/process/output/reader.ts";
import { OutputWriter } from "../../src/process/output/writer.ts";
import { recordOutput } from "../../src/process/output/writer.ts";
import { ShellProcess } from "./launched_shell.ts";

/** A shell's script whose output is recorded; killed at the end with all that it started. */
export interface Recorded extends AsyncDisposable {
  readonly child: LaunchedProcess;
  readonly log: OutputLog;
  /** Whether the streams ended by themselves. */
  readonly recorded: Promise<boolean>;
}

export async function recordShell(
  script: string,
  folder: string,
  { drainMs, ...options }: { segmentBytes?: number; drainMs?: number } = {},
): Promise<Recorded> {
  const clock = systemClock;
  const log = new OutputLog(folder);
  const writer = new OutputWriter(log, { clock, ...options });
  const shell = await ShellProcess.start(script);
  const { child } = shell;
  const { exited } = child;
  const recorded = recordOutput(child.output!, writer, { clock, exited, drainMs });
  return {
    child,
    log,
    recorded,
    async [Symbol.asyncDispose]() {
      await shell[Symbol.asyncDispose]();
      await recorded;
    },
  };
}

/** What a reader was given: text by stream, how many bytes, and the items that are none. */
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
