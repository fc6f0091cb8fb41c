// Not on Windows: it is about the sources, which are the same there.
import { assertEquals, assertThrows } from "@std/assert";
import { testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { findAction } from "../support/workflow_runner/actions.ts";
import { parseCommandFile } from "../support/workflow_runner/command_files.ts";
import { holds, interpolate } from "../support/workflow_runner/expressions.ts";
import { runScript, type ScriptResult } from "../support/workflow_runner/run_script.ts";
import { CLONING } from "../support/workflow_runner/sources_repository.ts";
import { jobsInOrder, readWorkflow } from "../support/workflow_runner/workflow_file.ts";
import { WorkflowRun } from "../support/workflow_runner/workflow_run.ts";

const GITHUB = { repository: "acme/rocket", ref: "refs/heads/main", ref_name: "main" };

function jobOf(steps: string, job = ""): string {
  return `on: push\njobs:\n  only:\n    runs-on: ubuntu-24.04\n${job}    steps:\n${steps}`;
}

testWith(CLONING, "a step passes outputs, variables and paths to later steps", async (t) => {
  await using folder = await temporaryFolder();
  const text = jobOf(
    `      - id: first
        env: { NAME: "\${{ github.ref_name }}" }
        run: |
          echo "text=$NAME" >>"$GITHUB_OUTPUT"
          printf 'LINES<<END\\none\\ntwo\\nEND\\n' >>"$GITHUB_ENV"
          mkdir "$RUNNER_TEMP/bin" && echo "$RUNNER_TEMP/bin" >>"$GITHUB_PATH"
          printf '#!/bin/sh\\necho added\\n' >"$RUNNER_TEMP/bin/added-program" && chmod +x "$RUNNER_TEMP/bin/added-program"
      - name: Second
        env: { GIVEN: "\${{ steps.first.outputs.text }} \${{ env.LINES }}" }
        run: echo "$GIVEN, $LINES, $(added-program), $GITHUB_REPOSITORY"
`,
    "    outputs: { text: '<${{ steps.first.outputs.text }}>' }\n",
  );
  const settings = { folder: folder.path, github: GITHUB, repositories: {} };
  const run = new WorkflowRun(readWorkflow(text), settings);
  await run.run(t);
  assertEquals(run.printedBy("only", "Second"), "main one\ntwo, one\ntwo, added, acme/rocket\n");
  assertEquals(run.outputsOf("only"), { text: "<main>" });
});

testWith(CLONING, "a step whose condition does not hold is skipped", async (t) => {
  await using folder = await temporaryFolder();
  const text = jobOf(
    "      - if: runner.os == 'Windows'\n        run: exit 1\n      - run: 'true'\n",
  );
  const settings = { folder: folder.path, github: GITHUB, repositories: {} };
  await new WorkflowRun(readWorkflow(text), settings).run(t);
});

async function runAs(shell: string | undefined, text: string): Promise<ScriptResult> {
  await using folder = await temporaryFolder();
  return await runScript({
    ...{ text, shell, cwd: folder.path, folder: folder.path, path: [], env: {} },
  });
}

testWith(
  CLONING,
  "only the shell named bash detects a failure within a pipe",
  async () => {
    const script = "false | true\necho still here >&2";
    assertEquals((await runAs("bash", script)).code, 1);
    const { code, printed } = await runAs(undefined, script);
    assertEquals([code, printed], [0, "still here\n"]);
  },
);

testWith(CLONING, "a script has no Deno unless it is set up", async () => {
  const { printed } = await runAs("bash", "command -v deno || echo none; echo ${HOME-none}");
  assertEquals(printed, "none\nnone\n");
});

Deno.test("an action that is unknown, of another release or without a required input is refused", () => {
  const checkout = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683";
  assertEquals(findAction(checkout, ["path"]).version, "v4.2.2");
  assertThrows(() => findAction(checkout, ["paht"]), Error, "has no input paht");
  assertThrows(() => findAction("actions/checkout@v4", []), Error, "is pinned to v4");
  assertThrows(() => findAction("acme/new@v1", []), Error, "No stand-in for the action acme/new");
});

Deno.test("a key of a workflow that the runner does not know is refused", () => {
  assertThrows(
    () => readWorkflow(jobOf("      - run: 'true'\n        continue-on-error: true\n")),
    Error,
    "does not know the key continue-on-error of the step true",
  );
  assertThrows(
    () => readWorkflow(jobOf("      - run: 'true'\n", "    strategy: {}\n")),
    Error,
    "does not know the key strategy of the job only",
  );
});

Deno.test("jobs run after those that they need", () => {
  const text = "on: push\njobs:\n  c: { needs: [a, b] }\n  b: { needs: a }\n  a: {}\n";
  assertEquals(jobsInOrder(readWorkflow(text)), ["a", "b", "c"]);
});

Deno.test("expressions are GitHub's, and an unknown context is an error", () => {
  const contexts = { github: { ref_name: "v1" }, secrets: { KEY: "" } };
  assertEquals(interpolate("a ${{ github.ref_name }}${{ secrets.KEY }}!", contexts), "a v1!");
  assertEquals(holds("${{ always() && startsWith(github.ref_name, 'v') }}", contexts), true);
  assertEquals(holds("failure()", contexts), false);
  assertThrows(() => interpolate("${{ matrix.os }}", contexts), Error, "matrix");
});

Deno.test("a command file has values of one line and of several", () => {
  assertEquals(parseCommandFile("A=1=2\nB<<E\nx\n\nE\nC=\n"), { A: "1=2", B: "x\n", C: "" });
  assertThrows(() => parseCommandFile("nothing"), Error, "Invalid format 'nothing'");
  assertThrows(() => parseCommandFile("A<<E\nx"), Error, "A has no line E");
});
