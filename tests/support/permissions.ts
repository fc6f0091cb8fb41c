import config from "../../deno.json" with { type: "json" };

/**
 * What Sentinel runs with, as the task `run` has it: all kinds of permissions, though not `--allow-all`, which opens `/proc`
 * and would hide that something is read there.
 */
export const PERMISSIONS: readonly string[] = config.tasks.run.split(" ")
  .filter((word) => word.startsWith("--allow-"));
