/** The TOML text of a table. */
export function stringify(table: Record<string, unknown>): string;
