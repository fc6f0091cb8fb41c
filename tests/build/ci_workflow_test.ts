// Not on Windows: it is about the sources, which are the same there.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import config from "../../deno.json" with { type: "json" };
import { testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { sourcesMachine } from "../support/workflow_runner/sources_machine.ts";
import { CLONING } from "../support/workflow_runner/sources_repository.ts";
import { readWorkflow, workflowText } from "../support/workflow_runner/workflow_file.ts";
import { WorkflowRun } from "../support/workflow_runner/workflow_run.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
const TASKS: Readonly<Record<string, string>> = config.tasks;
const WORKFLOW = readWorkflow(workflowText("ci.yml"));
const SCRIPTS = Object.values(WORKFLOW.jobs)
  .flatMap(({ steps = [] }) => steps.flatMap(({ run = [] }) => run));

/** The suite's tasks; they would run this test, too. */
const SUITES = [...new Set(SCRIPTS.filter((script) => /^deno task test\b/.test(script)))];

/** A task of the suite with its own options and one small file. */
function withOneFile(script: string): string {
  assert(script.replace("deno task ", "") in TASKS, `${script}: there is no such task`);
  return `${script} --no-check tests/build/release_notes_test.ts`;
}

/** What takes too long, or would run this test again: asked of less, or for its help; coverage is the suite and no more. */
const INSTEAD = {
  "deno fmt --check": "deno fmt --check std",
  "deno lint": "deno lint std",
  "deno check": "deno check std/posix_path.ts",
  "deno task soak": "deno task soak --help",
  "deno task coverage": ":",
  ...Object.fromEntries(SUITES.map((script) => [script, withOneFile(script)])),
};

testWith(CLONING, "every step of ci.yml for Linux runs in a fresh clone", async (t) => {
  await using folder = await temporaryFolder();
  const { settings, programs } = await sourcesMachine(folder, "push");
  await programs.write("sudo");
  const run = new WorkflowRun(WORKFLOW, { ...settings, instead: INSTEAD, isLinuxOnly: true });
  await run.run(t);
  assertEquals(programs.calls("sudo").map(([program, command]) => [program, command]), [
    ["apt-get", "update"],
    ["apt-get", "install"],
  ]);
  assertMatch(run.printedBy("linux", "timeout 60 deno task demo"), /the folder is removed/);
  assertMatch(run.printedBy("linux", "deno task test"), /2 passed/);
  const readme = await Deno.readTextFile(
    folder.at("jobs/windows/work/sentinel/sentinel/README.md"),
  );
  assert(!readme.includes("\r"), "lines end as here when Git for Windows clones");
});

Deno.test("every script that this test replaces is one of ci.yml", () => {
  assertEquals(Object.keys(INSTEAD).filter((script) => !SCRIPTS.includes(script)), []);
});

Deno.test("every task that ci.yml runs on any system is there", () => {
  const named = SCRIPTS.flatMap((script) => /deno task ([\w:]+)/.exec(script)?.[1] ?? []);
  assert(named.length > 5);
  assertEquals(named.filter((name) => !(name in TASKS)), []);
});

Deno.test("every file that a task names is there", async () => {
  const named = Object.values(TASKS).flatMap((task) =>
    task.split(" ").filter((word) => /^(?:\w+\/|\w+\.ts$)/.test(word))
  );
  assert(named.length > 10);
  for (const path of named) await Deno.stat(ROOT + path);
});

Deno.test("ci.yml installs nothing that .ci/run does not know", async () => {
  const known = await Deno.readTextFile(`${ROOT}.ci/run`);
  const install = SCRIPTS.find((script) => script.includes("apt-get install"))!;
  const packages = install.replace(/.* install/, "").split(" ").filter((word) => /^\w/.test(word));
  assert(packages.length > 5);
  for (const name of packages) assertMatch(known, new RegExp(`\\b${name}\\b`));
});
