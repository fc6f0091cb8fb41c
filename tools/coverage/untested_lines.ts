/** Lines of a source file that no test ran. */
export interface UntestedFile {
  /** Beneath the sources' folder, such as `src/cli/main.ts`. */
  readonly path: string;
  /** From 1, in order; `undefined` where no test ever loaded the file. */
  readonly lines: readonly number[] | undefined;
}

export interface TraceRequest {
  /** A trace file of coverage (geninfo(1)), as `deno coverage --lcov` writes it. */
  readonly trace: string;
  /** The sources' folder, with a slash behind it. */
  readonly root: string;
  /** The source files to be told of, beneath that folder. */
  readonly sources: readonly string[];
}

/** The files that have such lines, by path. */
export function untestedFiles({ trace, root, sources }: TraceRequest): UntestedFile[] {
  const runs = readTrace(trace);
  return sources.toSorted().flatMap((path) => {
    const counts = runs.get(root + path);
    const lines = counts && [...counts].filter(([, count]) => count === 0).map(([line]) => line);
    return lines?.length === 0 ? [] : [{ path, lines: lines?.sort((a, b) => a - b) }];
  });
}

/** How often each line ran, by file; a file may have several records. */
function readTrace(trace: string): Map<string, Map<number, number>> {
  const files = new Map<string, Map<number, number>>();
  let lines = new Map<number, number>();
  for (const record of trace.split("\n")) {
    const [, path] = /^SF:(.+)$/.exec(record) ?? [];
    if (path !== undefined) {
      lines = files.get(path) ?? new Map();
      files.set(path, lines);
    }
    const [, line, count] = /^DA:(\d+),(\d+)/.exec(record) ?? [];
    if (line !== undefined) lines.set(Number(line), (lines.get(Number(line)) ?? 0) + Number(count));
  }
  return files;
}

/** Such as `3, 7-9`. */
export function lineRanges(lines: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const line of lines) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === line - 1) range[1] = line;
    else ranges.push([line, line]);
  }
  return ranges.map(([first, last]) => first === last ? `${first}` : `${first}-${last}`).join(", ");
}
