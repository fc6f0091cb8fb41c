/** The components that a hardware fingerprint is made of, in the order of its printed form. */
export const COMPONENTS = ["machine_id", "cpu", "disk", "board", "mac", "cpu_model"] as const;

export type ComponentName = (typeof COMPONENTS)[number];

/** What one place says of a component, as it stands there without white space around it, or why nothing can be had. */
export type Reading = { readonly value: string } | { readonly error: string };

/** One place to read a component from. */
export interface ComponentSource {
  /** The place, for people: a file, a call. */
  readonly place: string;
  /** Never throws. */
  read(): Reading | Promise<Reading>;
}

/** For each component the places to read it from, the best first. */
export type FingerprintSources = Readonly<Record<ComponentName, readonly ComponentSource[]>>;
