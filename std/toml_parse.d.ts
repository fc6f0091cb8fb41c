/**
 * The tables of a TOML text: strings, numbers, booleans, `Date`s, arrays and objects.
 *
 * @throws {SyntaxError} `Parse error on line L, column C: WHY`; L counts from 1, C from 0.
 */
export function parse(toml: string): Record<string, unknown>;
