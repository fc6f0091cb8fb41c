/** A change of settings that can be refused no more: all that it needs is open. Disposing it closes what was not applied. */
export interface PreparedChange extends AsyncDisposable {
  /** Puts it into force; to be called once. */
  apply(): Promise<void>;
}

/** Where all stays as it is. */
export const NO_CHANGE: PreparedChange = {
  apply: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
