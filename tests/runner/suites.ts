/** A part of the tests that is run by itself. */
interface Suite {
  /** Folders of the sources that its files are in. */
  readonly folders: readonly string[];
  /** Whether a file is in it, by its text: a line at its top says where it does not belong. */
  has(text: string): boolean;
}

/** Whose tests run the program. */
const PROGRAM = ["tests/integration", "tests/attack"];

const NOT_ON_WINDOWS = /^\/\/ Not on Windows: \S/m;
const WINDOWS_SERVICE = /^\/\/ On Windows, with the services: \S/m;
const COMPILED = /^\/\/ Compiled as well: \S/m;

const SUITES: Readonly<Record<string, Suite>> = {
  "windows": {
    folders: ["tests"],
    has: (text) => !NOT_ON_WINDOWS.test(text) && !WINDOWS_SERVICE.test(text),
  },
  "windows:service": { folders: ["tests"], has: (text) => WINDOWS_SERVICE.test(text) },
  "bundle": { folders: PROGRAM, has: () => true },
  "compiled": { folders: PROGRAM, has: (text) => COMPILED.test(text) },
};

/**
 * The test files of a suite below the folder of the sources, or all of them. A line of its own says where a file does not
 * belong, so that a new one is not forgotten:
 *
 *     // Not on Windows: it sends signals.
 *     // On Windows, with the services: it needs an administrator.
 *
 * A compiled program is the bundle, which every file of its folders tests, in an executable; the files for which that makes a
 * difference say so:
 *
 *     // Compiled as well: a daemon starts its own executable.
 *
 * @throws {Error} for a suite that does not exist.
 */
export async function suiteFiles(root: string, name?: string): Promise<string[]> {
  if (name === undefined) return [`${root}tests`];
  const suite = SUITES[name];
  if (suite === undefined) throw new Error(`unknown suite: ${name}`);
  const files: string[] = [];
  for (const folder of suite.folders) {
    for await (const path of testFiles(`${root}${folder}`)) {
      if (suite.has(await Deno.readTextFile(path))) files.push(path);
    }
  }
  return files.sort();
}

async function* testFiles(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* testFiles(path);
    else if (name.endsWith("_test.ts")) yield path;
  }
}
