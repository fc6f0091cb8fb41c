/** The stream that bytes were written to. */
export type StreamName = "stdout" | "stderr";

/** Recorded output, in order, as every reader gets it; `offset`, `from`, `to` and `at` count both streams together. */
export type OutputItem =
  /** Bytes of one stream; the reader's to keep, unless it lent the memory that they are in. */
  | {
    readonly kind: "bytes";
    readonly stream: StreamName;
    readonly offset: number;
    readonly bytes: Uint8Array<ArrayBuffer>;
  }
  /** Bytes from `from` to before `to` are not there (any more); why is known beside the files only. */
  | {
    readonly kind: "gap";
    readonly from: number;
    readonly to: number;
    readonly why?: GapReason | undefined;
  }
  /** Recording stopped at this offset; the process went on. */
  | { readonly kind: "fault"; readonly at: number; readonly message: string }
  /** Nothing more will come; the last one. */
  | { readonly kind: "end"; readonly at: number };

/** Retention overtook the reader; the segment was taken away; it cannot be read (the system's words). */
export type GapReason = "retention" | "missing" | `unreadable: ${string}`;

/** Lends the memory that the next block of output is read to. */
export type LendBlock = () => Uint8Array<ArrayBuffer>;
