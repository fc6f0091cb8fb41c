import type { ProbeSpec } from "../core/probe_spec.ts";
import type { HealthCheck } from "./health_monitor.ts";
import { launch } from "./launch.ts";
import { findProgram } from "./find_program.ts";

/** Probes that speak over a network or a socket; passed in, as nothing here does. */
export interface ProbeFunctions {
  readonly ipc: HealthCheck;
  readonly tcp: (hostname: string, port: number) => HealthCheck;
  readonly http: (url: string) => HealthCheck;
}

/** The check of a probe; `undefined` for none. */
export function openProbe(
  spec: ProbeSpec,
  { functions, searchPath }: { functions: ProbeFunctions; searchPath?: string | undefined },
): HealthCheck | undefined {
  switch (spec.kind) {
    case "none":
      return undefined;
    case "ipc":
      return functions.ipc;
    case "tcp":
      return functions.tcp(spec.hostname, spec.port);
    case "http":
      return functions.http(spec.url);
    case "exec":
      return (signal) => runCommand(spec, { searchPath, signal });
  }
}

/**
 * Runs a program and drops what it says; it is killed with its group when its time is over. Fails where it does not end
 * with 0. What it leaves in its group goes with it.
 */
async function runCommand(
  { command, args }: Extract<ProbeSpec, { kind: "exec" }>,
  { searchPath, signal }: { searchPath: string | undefined; signal: AbortSignal },
): Promise<string | undefined> {
  const path = await findProgram(command, searchPath);
  const child = await launch({ path, args, env: {}, output: "pipe" });
  const { stdout, stderr } = child.output!;
  const over = new AbortController();
  const draining = [stdout, stderr].map((stream) =>
    stream.pipeTo(new WritableStream(), { signal: over.signal })
  );
  const kill = () => killGroup(child.pid);
  signal.addEventListener("abort", kill);
  if (signal.aborted) kill();
  const { code, signal: cause } = await child.exited;
  signal.removeEventListener("abort", kill);
  kill();
  over.abort();
  await Promise.allSettled(draining);
  if (cause !== undefined) return `killed: ${cause}`;
  return code === 0 ? undefined : `exited: ${code}`;
}

/** In the very turn in which its end is told, at the latest, so that the number is still its own. */
function killGroup(leader: number): void {
  try {
    Deno.kill(-leader, "SIGKILL");
  } catch {
    // it is gone, or another user's by now, as with sudo(8); kill(2)
  }
}
