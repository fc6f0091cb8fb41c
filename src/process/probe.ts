import { SentinelError } from "../core/errors.ts";
import type { HealthCheck } from "./health_monitor.ts";
import { launch } from "./launch.ts";
import { findProgram } from "./find_program.ts";

/** What `[health] probe` says. */
export type ProbeSpec =
  | { readonly kind: "none" }
  | { readonly kind: "ipc" }
  | { readonly kind: "tcp"; readonly hostname: string; readonly port: number }
  | { readonly kind: "http"; readonly url: string }
  /** Words apart by spaces; no shell. */
  | { readonly kind: "exec"; readonly command: string; readonly args: readonly string[] };

/** Probes that speak over a network or a socket; passed in, as nothing here does. */
export interface ProbeFunctions {
  readonly ipc: HealthCheck;
  readonly tcp: (hostname: string, port: number) => HealthCheck;
  readonly http: (url: string) => HealthCheck;
}

/** @throws {SentinelError} `config.probe` where the text is no probe. */
export function parseProbe(text: string): ProbeSpec {
  if (text === "none" || text === "ipc") return { kind: text };
  const [, kind, rest = ""] = /^(tcp|http|exec):(.*)$/s.exec(text) ?? [];
  const spec = kind === "tcp"
    ? parseTcp(rest)
    : kind === "http"
    ? parseHttp(rest)
    : kind === "exec"
    ? parseExec(rest)
    : undefined;
  if (spec !== undefined) return spec;
  throw new SentinelError(
    "config.probe",
    `probe must be none, ipc, tcp:HOST:PORT, http:URL or exec:CMD: current value is ${text}`,
  );
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
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function parseTcp(text: string): ProbeSpec | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const hostname = bracketed ?? plain, port = Number(digits);
  return hostname === undefined || port < 1 || port > 65_535
    ? undefined
    : { kind: "tcp", hostname, port };
}

function parseHttp(text: string): ProbeSpec | undefined {
  const url = URL.parse(text);
  return url?.protocol === "http:" || url?.protocol === "https:"
    ? { kind: "http", url: text }
    : undefined;
}

function parseExec(text: string): ProbeSpec | undefined {
  const [command, ...args] = text.split(/\s+/).filter((word) => word !== "");
  return command === undefined ? undefined : { kind: "exec", command, args };
}
