import { watchIpc } from "../../src/ipc/client.ts";
import { openLibraries } from "./open_libraries.ts";
import type { RunHarness } from "./run_harness.ts";

openLibraries();

/** Watches the socket of the harness's run; resolves, once it watches, to what gives the last event. */
export async function watchEvents(
  harness: RunHarness,
): Promise<{ readonly last: Promise<Readonly<Record<string, unknown>>> }> {
  const name = (await harness.sockets()).find((name) => name.endsWith(".sock"));
  const events = watchIpc({ path: harness.folder.at(`runtime/sentinel/${name}`) });
  await events.next();
  return { last: readLast(events) };
}

async function readLast(events: ReturnType<typeof watchIpc>): Promise<Record<string, unknown>> {
  let last: Record<string, unknown> = {};
  for await (const { value } of events) last = value as Record<string, unknown>;
  return last;
}
