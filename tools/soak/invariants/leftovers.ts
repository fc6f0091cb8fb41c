import { selectPlatform } from "../../../src/platform/select.ts";
import { LAUNCH_TOKEN_VARIABLE, type SystemUnderTest } from "../system.ts";

/** What remains after everything was stopped. */
export interface Leftovers {
  /** Processes with the soak's mark: name and pid. */
  readonly processes: readonly string[];
  /** Paths of files and sockets below the folders of the system. */
  readonly files: readonly string[];
  /** Paths of locked files. */
  readonly locked: readonly string[];
}

/** Lock files that stay, unlocked, as removing one would let two processes lock two files of one name. */
const LASTING_LOCK = /\/(?:state(?:-\d+)?|records)\/lock$/;

/** What is made to be removed again: sockets and their locks, PID files, halves of a replacement, what belongs to a database that is open. */
const PASSING = /\.sock~?$|\.lock$|\/lock$|\.pid$|\.tmp$|~$|-(?:wal|shm|journal)$/;

/** What should not be there. */
export function checkLeftovers({ processes, files, locked }: Leftovers): string[] {
  return [
    ...processes.map((process) => `a process is left: ${process}`),
    ...files.filter((path) => PASSING.test(path) && !LASTING_LOCK.test(path))
      .map((path) => `a file is left: ${path}`),
    ...locked.map((path) => `a file is still locked: ${path}`),
  ];
}

/** Looks for what a system left behind. */
export async function findLeftovers(system: SystemUnderTest): Promise<Leftovers> {
  const files = await Array.fromAsync(filesBelow(system.folder.path));
  const locks = files.filter((path) => LASTING_LOCK.test(path));
  const areLocked = await Promise.all(locks.map(isLocked));
  return {
    processes: await findByLaunchToken(system.mark),
    files,
    locked: locks.filter((_, i) => areLocked[i]),
  };
}

/** Processes with the soak's mark in their environment. */
export async function findByLaunchToken(mark: string): Promise<string[]> {
  const control = await selectPlatform().processControl();
  return control.list()
    .filter(({ pid, state }) =>
      state !== "ended" && control.variable(pid, LAUNCH_TOKEN_VARIABLE) === mark
    )
    .map(({ pid, name }) => `${name} (pid ${pid})`);
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* filesBelow(path);
    else yield path;
  }
}

async function isLocked(path: string): Promise<boolean> {
  using file = await Deno.open(path, { read: true, write: true });
  const isFree = await file.tryLock(true);
  if (isFree) await file.unlock();
  return !isFree;
}
