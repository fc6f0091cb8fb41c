/**
 * `deno task coverage`: runs the tests, and lists the lines of `src` that none of them ran, by file; also in the programs that
 * they start, unless these are killed. Ends as the tests do.
 */
import { fromFileUrl } from "@std/path";
import { standardOutput } from "../../src/cli/output.ts";
import { isTypesOnly } from "./types_only.ts";
import { lineRanges, untestedFiles } from "./untested_lines.ts";

const CLOSING_BRACE = 0x7D;
const ROOT = fromFileUrl(new URL("../..", import.meta.url));

async function deno(args: readonly string[], env: Record<string, string> = {}): Promise<number> {
  const { code } = await new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT, env })
    .spawn().status;
  return code;
}

/** The files in which there is something to run. */
async function sourceFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) files.push(...await sourceFiles(path));
    else if (name.endsWith(".ts") && !isTypesOnly(await Deno.readTextFile(ROOT + path))) {
      files.push(path);
    }
  }
  return files;
}

/** What a program was killed at, or had no room for, would be taken for broken. */
async function removeUnfinished(folder: string): Promise<void> {
  const last = new Uint8Array(1);
  for await (const { name } of Deno.readDir(folder)) {
    using file = await Deno.open(`${folder}/${name}`);
    const { size } = await file.stat();
    if (size > 0) {
      await file.seek(-1, Deno.SeekMode.End);
      await file.read(last);
    }
    if (size === 0 || last[0] !== CLOSING_BRACE) await Deno.remove(`${folder}/${name}`);
  }
}

const folder = await Deno.makeTempDir({ prefix: "sentinel-coverage-" });
try {
  // programs that tests start as other users write there, too
  await Deno.chmod(folder, 0o1777);
  const code = await deno(["task", "test", ...Deno.args], { DENO_COVERAGE_DIR: folder });
  await removeUnfinished(folder);
  const traceFile = `${folder}/trace`;
  await deno(["coverage", "--quiet", "--lcov", `--output=${traceFile}`, folder]);
  const trace = await Deno.readTextFile(traceFile);
  const untested = untestedFiles({ trace, root: ROOT, sources: await sourceFiles("src") });
  for (const { path, lines } of untested) {
    standardOutput.result(`${path}: ${lines === undefined ? "never loaded" : lineRanges(lines)}`);
  }
  const count = untested.reduce((sum, { lines }) => sum + (lines?.length ?? 0), 0);
  standardOutput.result(`${count} lines of ${untested.length} files were not run by a test`);
  Deno.exitCode = code;
} finally {
  await Deno.remove(folder, { recursive: true });
}
