import { kernel32 } from "../../../ffi/kernel32.ts";
import { readWideText, wideText } from "./handles.ts";
import { ntdll } from "../../../ffi/ntdll.ts";
import type { ConsoleChild, ConsoleProgram } from "../contract.ts";
import type { ListedProcess } from "../process_contract.ts";
import { joinCommandLine } from "./command_line.ts";

/** Our own variables as `NAME=value`, those included that the runtime does not tell of, as `=C:=C:\folder`. */
function readEnvironment(): string[] {
  const { GetEnvironmentStringsW, FreeEnvironmentStringsW } = kernel32();
  const block = GetEnvironmentStringsW();
  try {
    const entries: string[] = [];
    for (let at = block, entry; (entry = readWideText(at)) !== "";) {
      entries.push(entry);
      at += BigInt(entry.length + 1) * 2n;
    }
    return entries;
  } finally {
    FreeEnvironmentStringsW(block);
  }
}

/**
 * The environment of a new process, as CreateProcessW takes it: sorted by name, which is the same in upper and lower case.
 *
 * @param entries `NAME=value` each.
 * @param variables Take the place of those of the same name.
 */
export function environmentBlock(
  entries: readonly string[],
  variables: Readonly<Record<string, string>>,
): Uint16Array<ArrayBuffer> {
  const all = [...entries, ...Object.entries(variables).map(([name, value]) => `${name}=${value}`)];
  const byName = new Map(all.map((entry) => [nameOf(entry), entry]));
  const sorted = [...byName].sort(([a], [b]) => a < b ? -1 : 1).map(([, entry]) => `${entry}\0`);
  return wideText(sorted.join("") || "\0");
}

/** In upper case; a name may begin with the sign that ends it. */
function nameOf(entry: string): string {
  return entry.slice(0, entry.indexOf("=", 1)).toUpperCase();
}

/** winbase.h: CREATE_NEW_PROCESS_GROUP, CREATE_UNICODE_ENVIRONMENT, STARTF_USESTDHANDLES, DUPLICATE_SAME_ACCESS. */
const NEW_GROUP = 0x200, UNICODE_ENVIRONMENT = 0x400, USE_STREAMS = 0x100, SAME_ACCESS = 2;

/** STARTUPINFOW: its length, dwFlags at 60, hStdInput, hStdOutput and hStdError from 80. */
const STARTUP_BYTES = 104, FLAGS_AT = 60, STREAMS_AT = 80;

/** STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE: -10 to -12. */
const STREAMS = [0xFFFF_FFF6, 0xFFFF_FFF5, 0xFFFF_FFF4] as const;

const OURSELVES = 0xFFFF_FFFF_FFFF_FFFFn, FOREVER = 0xFFFF_FFFF;

/** CTRL_BREAK_EVENT (consoleapi.h); new groups do not hear CTRL_C_EVENT. */
const CTRL_BREAK = 1;

/** What a console tells everybody on it, whatever their group: Ctrl-Break on its keyboard, and its end. */
const HEARD_BY_ALL: readonly Deno.Signal[] = ["SIGBREAK", "SIGHUP"];

/** Leaders whose handle is held, so that nobody else gets their number. */
const leaders = new Set<number>();

/**
 * Starts a program on our console, with our streams, in a process group of its own, which the runtime does not do.
 *
 * @returns `undefined` where there is no console, or it cannot be started.
 */
export function spawnOnConsole(program: ConsoleProgram): ConsoleChild | undefined {
  if (kernel32().GetConsoleProcessList(new Uint32Array(1), 1) === 0) return undefined;
  const streams = STREAMS.map(inheritableStream);
  try {
    const created = createProcess(program, streams);
    if (created === undefined) return undefined;
    leaders.add(created.pid);
    return { pid: created.pid, exited: waitForEnd(created), hears: HEARD_BY_ALL };
  } finally {
    for (const stream of streams) if (stream !== 0n) ntdll().NtClose(stream);
  }
}

/** Whether this process leads a group that {@linkcode spawnOnConsole} made, and has not ended. */
export function leadsConsoleGroup(pid: number): boolean {
  return leaders.has(pid);
}

/** Asks a group to stop; false where there is none. */
export function breakConsoleGroup(leader: number): boolean {
  return leaders.has(leader) && kernel32().GenerateConsoleCtrlEvent(CTRL_BREAK, leader) !== 0;
}

/**
 * The group that a process was born into: the pid of the nearest ancestor, itself included, who leads one, as far as they
 * are there to tell; 0 where there is none.
 */
export function groupOf<P extends Ancestor>(
  process: P,
  byPid: ReadonlyMap<number, P>,
  leads: (pid: number) => boolean,
): number {
  if (leads(process.pid)) return process.pid;
  const parent = byPid.get(process.parent);
  // who is younger than his child got a number that was given anew, and is nobody's parent
  const isParent = parent !== undefined && Number(parent.startTime) < Number(process.startTime);
  return isParent ? groupOf(parent, byPid, leads) : 0;
}

type Ancestor = Pick<ListedProcess, "pid" | "parent" | "startTime">;

interface CreatedProcess {
  readonly pid: number;
  readonly handle: bigint;
}

function createProcess(
  { path, args, variables, cwd }: ConsoleProgram,
  streams: readonly bigint[],
): CreatedProcess | undefined {
  const startup = new DataView(new ArrayBuffer(STARTUP_BYTES));
  startup.setUint32(0, STARTUP_BYTES, true);
  startup.setUint32(FLAGS_AT, USE_STREAMS, true);
  streams.forEach((stream, i) => startup.setBigUint64(STREAMS_AT + 8 * i, stream, true));
  const environment = environmentBlock(readEnvironment(), variables);
  // two handles and two numbers
  const created = new DataView(new ArrayBuffer(24));
  const isCreated = kernel32().CreateProcessW(
    ...[wideText(path), wideText(joinCommandLine([path, ...args])), null, null] as const,
    ...[1, NEW_GROUP | UNICODE_ENVIRONMENT, environment] as const,
    ...[cwd === undefined ? null : wideText(cwd), startup, created] as const,
  );
  if (isCreated === 0) return undefined;
  ntdll().NtClose(created.getBigUint64(8, true));
  return { handle: created.getBigUint64(0, true), pid: created.getUint32(16, true) };
}

/** A handle of ours that a child gets, too; 0 where we have no such stream. */
function inheritableStream(which: number): bigint {
  const { GetStdHandle, DuplicateHandle } = kernel32();
  const copy = new BigUint64Array(1);
  DuplicateHandle(OURSELVES, GetStdHandle(which), OURSELVES, copy, 0, 1, SAME_ACCESS);
  return copy[0]!;
}

/** Its exit status, in the sign that the runtime gives it. */
async function waitForEnd({ pid, handle }: CreatedProcess): Promise<number> {
  const code = new Int32Array(1);
  await kernel32().waitForEnd(handle, FOREVER);
  kernel32().GetExitCodeProcess(handle, code);
  leaders.delete(pid);
  ntdll().NtClose(handle);
  return code[0]!;
}
