/** What a safe says of a secret. */
export type FoundSecret =
  | { kind: "found"; secret: string }
  | { kind: "absent" }
  /** It answers, but does not open; or it does not answer. `why` is for people. */
  | { kind: "closed"; why: string };

/** The safes of systems, with what people call them. */
export const SAFE_NAMES = {
  "secret-service": "the Secret Service",
  "keychain": "the Keychain",
} as const;
export type SafeKind = keyof typeof SAFE_NAMES;

/** A safe that the system keeps for its user: what it holds is small, and outlives us. */
export interface SecretSafe {
  readonly kind: SafeKind;
  /** Never rejects, and never asks anybody to unlock the safe. */
  find(id: string): Promise<FoundSecret>;
  /**
   * Keeps a secret under an id.
   *
   * @returns Why it could not, for people; `undefined` where it did.
   */
  keep(id: string, secret: string): Promise<string | undefined>;
}

/** What a safe is opened with. */
export interface SafeDependencies {
  readonly readVariable: (name: string) => string | undefined;
  /** A signal that is aborted after so many milliseconds. */
  readonly timeout: (ms: number) => AbortSignal;
}
