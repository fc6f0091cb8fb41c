import * as v from "valibot";
import type { ProcessView } from "./processes.ts";

/** A process as the API tells it. */
const statusSchema = v.object({
  id: v.string(),
  command: v.string(),
  args: v.array(v.string()),
  state: v.picklist(["running", "exited", "stopped", "killed", "lost"]),
  exit_code: v.optional(v.number()),
  signal: v.optional(v.string()),
  started_at: v.string(),
  ended_at: v.optional(v.string()),
  output_bytes: v.number(),
});

/** A process as the API tells it; times are RFC 3339, in UTC. */
export type ProcessStatus = v.InferOutput<typeof statusSchema>;

/** What the API says of a process. */
export function toStatus(view: ProcessView): ProcessStatus {
  const { id, command, args, state, exitCode, signal, startedAtMs, endedAtMs, outputBytes } = view;
  return {
    id,
    command,
    args: [...args],
    state,
    ...(exitCode !== undefined && { exit_code: exitCode }),
    ...(signal !== undefined && { signal }),
    started_at: new Date(startedAtMs).toISOString(),
    ...(endedAtMs !== undefined && { ended_at: new Date(endedAtMs).toISOString() }),
    output_bytes: outputBytes,
  };
}

/** An answer as it is expected; `undefined` where it is something else. */
export function parseStatus(value: unknown): ProcessStatus | undefined {
  return parsed(statusSchema, value);
}

export function parseStatuses(value: unknown): ProcessStatus[] | undefined {
  return parsed(v.array(statusSchema), value);
}

export function parseStarted(value: unknown): { id: string } | undefined {
  return parsed(v.object({ id: v.string() }), value);
}

function parsed<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T | undefined {
  const { success, output } = v.safeParse(schema, value);
  return success ? output : undefined;
}
