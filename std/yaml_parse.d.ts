/**
 * The value of a YAML 1.2 text (the core schema: `on` is a string).
 *
 * @throws {SyntaxError} with the line and the column of the fault; a repeated key is one.
 */
export function parse(yaml: string): unknown;
