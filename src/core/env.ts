/** Reads a variable of the environment: passed in, so that a test needs no real one. */
export type Env = (name: string) => string | undefined;
