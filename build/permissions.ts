import config from "../deno.json" with { type: "json" };

/** What the program runs with, as the task `run` has it. */
export const PERMISSIONS: readonly string[] = config.tasks.run.split(" ")
  .filter((word) => word.startsWith("--allow-"));
