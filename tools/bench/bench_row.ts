/** What a file `*_bench.ts` exports as `bench`; `deno task bench` finds it by the file's name. */
export interface Bench {
  /** Measures; takes seconds, cleans up behind itself, and prints nothing. */
  measure(): Promise<readonly BenchRow[]>;
}

/** One figure beside its floor, measured in the same run, and the bar that it is held to. */
export interface BenchRow {
  readonly name: string;
  readonly figure: number;
  /** Of figure and floor: `/s`, `ms`, `MiB`; empty for a bare ratio. */
  readonly unit: string;
  /** What the bare runtime does; absent where the bar is absolute. */
  readonly floor?: number;
  /** Figure over floor, as the bench weighs its rounds. */
  readonly ratio?: number;
  /** The bar in words: `at least 0.7 × the floor`. */
  readonly bar: string;
  readonly met: boolean;
}
