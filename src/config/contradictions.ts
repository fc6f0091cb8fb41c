import type { Config, TableName } from "./schema.ts";

/** What a table's values, each allowed for itself, cannot mean together; each as `KEY is …`. */
export const CONTRADICTIONS: {
  readonly [T in TableName]?: (table: Config[T]) => readonly string[];
} = {
  server: (server) =>
    (["certificate", "key", "certificate_authority"] as const)
      .filter((key) => server.enabled && server[key] === undefined)
      .map((key) => `server.${key} is required with server.enabled = true: it is not set`),
  security: ({ drop_capabilities, allowed_capabilities }) =>
    drop_capabilities || allowed_capabilities.length === 0 ? [] : [
      "security.allowed_capabilities is for security.drop_capabilities = true: current value is false",
    ],
};
