export type StreamName = "stdout" | "stderr";

/** Recorded output in order, as readers receive it; `offset`, `from`, `to` and `at` count the bytes of both streams. */
export type OutputItem =
  /** Bytes of one stream; owned by the reader, unless it lent the memory. */
  | {
    readonly kind: "bytes";
    readonly stream: StreamName;
    readonly offset: number;
    readonly bytes: Uint8Array<ArrayBuffer>;
  }
  /** The bytes from `from` up to `to` are missing; only the reader of the files knows why, not a remote client. */
  | {
    readonly kind: "gap";
    readonly from: number;
    readonly to: number;
    readonly why?: GapReason | undefined;
  }
  /** Recording failed at this offset; the process kept running. */
  | { readonly kind: "fault"; readonly at: number; readonly message: string }
  /** End of the output; always the last item. */
  | { readonly kind: "end"; readonly at: number };

/** Retention removed the bytes, the segment's file is missing, or it cannot be read (with the system's message). */
export type GapReason = "retention" | "missing" | `unreadable: ${string}`;

/** Lends memory for the next block of output. */
export type LendBlock = () => Uint8Array<ArrayBuffer>;
