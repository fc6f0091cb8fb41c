import { kernel32 } from "../../../ffi/kernel32.ts";
import { encodeWide, readWide } from "./handles.ts";
import { ntdll } from "../../../ffi/ntdll.ts";
import type { ConsoleChild, ConsoleProgram } from "../contract.ts";
import type { ListedProcess } from "../process_contract.ts";
import { joinCommandLine } from "./command_line.ts";

/** Returns the environment as `NAME=value`, including entries that the runtime hides, such as `=C:=C:\folder`. */
function readEnvironment(): string[] {
  const { GetEnvironmentStringsW, FreeEnvironmentStringsW } = kernel32();
  const block = GetEnvironmentStringsW();
  try {
    const entries: string[] = [];
    for (let at = block, entry; (entry = readWide(at)) !== "";) {
      entries.push(entry);
      at += BigInt(entry.length + 1) * 2n;
    }
    return entries;
  } finally {
    FreeEnvironmentStringsW(block);
  }
}

/**
 * Encodes an environment for CreateProcessW: sorted by name, ignoring case.
 *
 * @param entries `NAME=value` each.
 * @param variables Override entries of the same name.
 */
export function encodeEnvironment(
  entries: readonly string[],
  variables: Readonly<Record<string, string>>,
): Uint16Array<ArrayBuffer> {
  const all = [...entries, ...Object.entries(variables).map(([name, value]) => `${name}=${value}`)];
  const byName = new Map(all.map((entry) => [readName(entry), entry]));
  const sorted = [...byName].sort(([a], [b]) => a < b ? -1 : 1).map(([, entry]) => `${entry}\0`);
  return encodeWide(sorted.join("") || "\0");
}

/** Returns the name in upper case; it may begin with `=`. */
function readName(entry: string): string {
  return entry.slice(0, entry.indexOf("=", 1)).toUpperCase();
}

/** winbase.h: CREATE_NEW_PROCESS_GROUP, CREATE_UNICODE_ENVIRONMENT, STARTF_USESTDHANDLES, DUPLICATE_SAME_ACCESS. */
const NEW_GROUP = 0x200, UNICODE_ENVIRONMENT = 0x400, USE_STREAMS = 0x100, SAME_ACCESS = 2;

/** STARTUPINFOW: its length, dwFlags at 60, hStdInput, hStdOutput and hStdError from 80. */
const STARTUP_BYTES = 104, FLAGS_AT = 60, STREAMS_AT = 80;

/** STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE: -10 to -12. */
const STREAMS = [0xFFFF_FFF6, 0xFFFF_FFF5, 0xFFFF_FFF4] as const;

const CURRENT_PROCESS = 0xFFFF_FFFF_FFFF_FFFFn, INFINITE = 0xFFFF_FFFF;

/** CTRL_BREAK_EVENT (consoleapi.h); new groups ignore CTRL_C_EVENT. */
const CTRL_BREAK = 1;

/** Signals that a console sends to all its processes: Ctrl-Break from the keyboard, and its end. */
const CONSOLE_SIGNALS: readonly Deno.Signal[] = ["SIGBREAK", "SIGHUP"];

/** Pids of group leaders, reserved by open handles. */
const leaders = new Set<number>();

/**
 * Starts a program on this console, with this process's streams, in its own process group; the runtime cannot.
 *
 * @returns `undefined` without a console or if the start fails.
 */
export function spawnOnConsole(program: ConsoleProgram): ConsoleChild | undefined {
  if (kernel32().GetConsoleProcessList(new Uint32Array(1), 1) === 0) return undefined;
  const streams = STREAMS.map(duplicateStream);
  try {
    const created = createProcess(program, streams);
    if (created === undefined) return undefined;
    leaders.add(created.pid);
    return { pid: created.pid, exited: waitForEnd(created), hears: CONSOLE_SIGNALS };
  } finally {
    for (const stream of streams) if (stream !== 0n) ntdll().NtClose(stream);
  }
}

/** Tells whether this running process leads a group that {@linkcode spawnOnConsole} created. */
export function leadsConsoleGroup(pid: number): boolean {
  return leaders.has(pid);
}

/** Sends Ctrl-Break to a group; false if it does not exist. */
export function breakConsoleGroup(leader: number): boolean {
  return leaders.has(leader) && kernel32().GenerateConsoleCtrlEvent(CTRL_BREAK, leader) !== 0;
}

/** Finds a process's group: the pid of its nearest running ancestor, or itself, that leads one; 0 if there is none. */
export function findGroup<P extends Ancestor>(
  process: P,
  byPid: ReadonlyMap<number, P>,
  leads: (pid: number) => boolean,
): number {
  if (leads(process.pid)) return process.pid;
  const parent = byPid.get(process.parent);
  // a parent that started after its child is a reused pid
  const isParent = parent !== undefined && Number(parent.startTime) < Number(process.startTime);
  return isParent ? findGroup(parent, byPid, leads) : 0;
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
  const environment = encodeEnvironment(readEnvironment(), variables);
  // two handles and two numbers
  const created = new DataView(new ArrayBuffer(24));
  const isCreated = kernel32().CreateProcessW(
    ...[encodeWide(path), encodeWide(joinCommandLine([path, ...args])), null, null] as const,
    ...[1, NEW_GROUP | UNICODE_ENVIRONMENT, environment] as const,
    ...[cwd === undefined ? null : encodeWide(cwd), startup, created] as const,
  );
  if (isCreated === 0) return undefined;
  ntdll().NtClose(created.getBigUint64(8, true));
  return { handle: created.getBigUint64(0, true), pid: created.getUint32(16, true) };
}

/** Duplicates a standard stream for a child to inherit; 0 if this process has none. */
function duplicateStream(which: number): bigint {
  const { GetStdHandle, DuplicateHandle } = kernel32();
  const copy = new BigUint64Array(1);
  DuplicateHandle(CURRENT_PROCESS, GetStdHandle(which), CURRENT_PROCESS, copy, 0, 1, SAME_ACCESS);
  return copy[0]!;
}

/** Resolves with the exit status, signed as in the runtime. */
async function waitForEnd({ pid, handle }: CreatedProcess): Promise<number> {
  const code = new Int32Array(1);
  await kernel32().waitForEnd(handle, INFINITE);
  kernel32().GetExitCodeProcess(handle, code);
  leaders.delete(pid);
  ntdll().NtClose(handle);
  return code[0]!;
}
