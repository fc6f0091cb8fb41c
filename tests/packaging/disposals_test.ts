import { assertStringIncludes, assertThrows } from "@std/assert";
import { checkDisposals } from "../../src/packaging/bundle.ts";
import { BuildError } from "../../src/packaging/run_deno.ts";

const DECLARATIONS: readonly [string, string, number][] = [
  ["a declaration", "{\n  using file = open();\n}", 1],
  ["one that waits", "await using file = await open();", 1],
  ["one with a type", "await using stack: AsyncDisposable & { at: X } = open();", 1],
  ["two in a line without spaces", "{using a=b();await using c=d();}", 2],
  ["the heads of loops", "for (using a of b) {}\nfor await (await using c of d) {}", 2],
  ["no comment", "/**\n * using file = open();\n */\n  // using file = open();\n", 0],
  ["no word of a sentence", '"another server is using the folder", using == 1', 0],
  ["no name that ends like it", "reusing x = 1; a.using = 2; using => 3", 0],
];

for (const [what, code, count] of DECLARATIONS) {
  Deno.test(`disposals are counted: ${what}`, () => {
    const sources = [code, "using extra = open();"];
    const error = assertThrows(() => checkDisposals({ sources, modules: [] }), BuildError);
    assertStringIncludes(error.message, `has 0 of the ${count + 1} using declarations`);
  });
}

Deno.test("modules that dispose more or less often than their sources are refused", () => {
  const sources = ["using a = b();", "await using c = d();"];
  checkDisposals({ sources, modules: [sources.join("\n")] });
  for (const modules of [[sources[0]!], [...sources, ...sources]]) {
    assertThrows(() => checkDisposals({ sources, modules }), BuildError, "of the 2 using");
  }
});
