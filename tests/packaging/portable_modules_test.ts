import { assertEquals } from "@std/assert";
import { makePortable } from "../../src/packaging/portable_modules.ts";

const machine = (cache: string, [first, second]: [string, string]) =>
  new Map([
    [`chunk-${first}.js`, `// a/b.ts\nexport const b = "./chunk-X.js";\n`],
    ["main.js", `import {\n  b\n} from "./chunk-${first}.js";\nimport("./load-${second}.js");\n`],
    [
      `load-${second}.js`,
      `import "./main.js";\n// ${cache}/lib/1.0.0/lib.js\nvar require_lib = __commonJS({\n` +
      `  "${cache}/lib/1.0.0/lib.js"(exports) {\n    // says no path.js\n  }\n});\n`,
    ],
  ]);

const OURS = new Map([
  ["main.js", `import {\n  b\n} from "./main-1.js";\nimport("./main-2.js");\n`],
  ["main-1.js", `export const b = "./chunk-X.js";\n`],
  [
    "main-2.js",
    `import "./main.js";\nvar require_lib = __commonJS({\n  "lib/1.0.0/lib.js"(exports) {\n` +
    "    // says no path.js\n  }\n});\n",
  ],
]);

Deno.test("modules are the same, wherever the packages are and whatever the files were named", () => {
  const one = machine("../../home/jo/.cache/deno/npm/registry.npmjs.org", ["AB12", "CD34"]);
  const other = machine("../.deno/npm/localhost_4873", ["ZY98", "XW76"]);
  assertEquals(makePortable(one, "main.js"), OURS);
  assertEquals(makePortable(other, "main.js"), OURS);
});

Deno.test("modules that were made for another entry keep out of each other's way", () => {
  const modules = new Map([["first.js", `import "./chunk-A.js";`], ["chunk-A.js", ""]]);
  assertEquals([...makePortable(modules, "first.js").keys()], ["first.js", "first-1.js"]);
});
