import { assertEquals } from "@std/assert";
import { isTypesOnly } from "../../../tools/coverage/types_only.ts";

const SOURCES: readonly [what: string, source: string, isTypesOnly: boolean][] = [
  [
    "imports of types, interfaces and comments",
    '// a\nimport type { A } from "./a.ts";\n/** B;\n * b */\nexport interface B {\n  a: A;\n}\n' +
    "export type C = B;\nexport type { A };\n",
    true,
  ],
  ["a constant among types", "export type A = 1;\nexport const a: A = 1;\n", false],
  ["an import that is run", 'import "./a.ts";\n', false],
  [
    "a parameter that is a property",
    "export class A {\n  constructor(readonly a: 1) {}\n}\n",
    false,
  ],
  ["a string like a comment", 'export const a = "/*";\n', false],
];

for (const [what, source, expected] of SOURCES) {
  Deno.test(`of ${what}, ${expected ? "nothing" : "something"} is left to run`, () => {
    assertEquals(isTypesOnly(source), expected);
  });
}
