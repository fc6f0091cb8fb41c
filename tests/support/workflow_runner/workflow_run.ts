import { assert, assertEquals } from "@std/assert";
import { type ActionCall, findAction } from "./actions.ts";
import { type Contexts, holds, interpolate } from "./expressions.ts";
import { runScript } from "./run_script.ts";
import {
  type Job,
  jobsInOrder,
  needsOf,
  readWorkflow,
  type Step,
  stepName,
  type Variables,
  type Workflow,
  workflowText,
} from "./workflow_file.ts";

/** What starts a workflow, and where it runs. */
export interface RunSettings {
  /** For the jobs' folders; the test's own. */
  readonly folder: string;
  /** What the event is about. */
  readonly github: Readonly<Record<string, string>> & { repository: string; ref_name: string };
  /** Paths of repositories by `OWNER/NAME`. */
  readonly repositories: Readonly<Record<string, string>>;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly vars?: Readonly<Record<string, string>>;
  /** A folder of programs that stand in for the machine's. */
  readonly programs?: string;
  /** What the machine's environment has beyond the runner's variables. */
  readonly machine?: Readonly<Record<string, string>>;
  /** What is run in place of a script. */
  readonly instead?: Readonly<Record<string, string>>;
  /** Whether scripts for another system than Linux are skipped. */
  readonly isLinuxOnly?: boolean;
}

const SYSTEMS: Readonly<Record<string, "Linux" | "macOS" | "Windows">> = {
  "ubuntu-24.04": "Linux",
  "macos-15": "macOS",
  "windows-2025": "Windows",
};

/** A script that is one command of plain words means the same in each shell. */
const PLAIN_COMMAND = /^[\w./:=-]+(?: [\w./:=-]+)*$/;

/** A job that runs: its machine, and what its steps have left for those behind them. */
interface RunningJob {
  readonly id: string;
  readonly job: Job;
  readonly system: "Linux" | "macOS" | "Windows";
  /** Of the machine. */
  readonly folder: string;
  readonly workspace: string;
  readonly path: string[];
  readonly env: Record<string, string>;
  readonly steps: Record<string, { readonly outputs: Readonly<Record<string, string>> }>;
}

/** A run of a workflow: its jobs one by one, each on a machine of its own, which is a folder here. */
export class WorkflowRun {
  /** Folders by artifact. */
  readonly artifacts = new Map<string, string>();
  readonly #workflow: Workflow;
  readonly #settings: RunSettings;
  readonly #printed = new Map<string, string>();
  readonly #jobs: Record<string, { result: string; outputs: Record<string, string> }> = {};

  constructor(workflow: Workflow, settings: RunSettings) {
    this.#workflow = workflow;
    this.#settings = settings;
  }

  /** Runs the jobs, or those that are named, as steps of a test; nothing behind a failure. */
  async run(t: Deno.TestContext, jobs = jobsInOrder(this.#workflow)): Promise<void> {
    for (const id of jobs) {
      const { uses } = this.#workflow.jobs[id]!;
      const isFine = uses === undefined
        ? await t.step(`job ${id}`, (t) => this.#runSteps(t, id))
        : await t.step(`job ${id} is ${uses}, which can be called`, () => checkCall(uses));
      if (!isFine) return;
    }
  }

  /** What the script of a step printed. */
  printedBy(job: string, step: string): string {
    const printed = this.#printed.get(`${job}: ${step}`);
    assert(printed !== undefined, `${step} of ${job} has not run`);
    return printed;
  }

  /** The outputs of a job that has run. */
  outputsOf(job: string): Readonly<Record<string, string>> {
    return this.#jobs[job]!.outputs;
  }

  async #runSteps(t: Deno.TestContext, id: string): Promise<void> {
    const running = await this.#startMachine(id);
    for (const step of running.job.steps ?? []) {
      const why = this.#whySkipped(step, running);
      const name = stepName(step) + (why === undefined ? "" : ` (skipped: ${why})`);
      const fn = () => this.#runStep(step, running);
      const isFine = await t.step({ name, ignore: why !== undefined, fn });
      if (!isFine && why === undefined) return;
    }
    const outputs = withValues(running.job.outputs, this.#contexts(running));
    this.#jobs[id] = { result: "success", outputs };
  }

  #whySkipped(step: Step, running: RunningJob): string | undefined {
    const { system } = running;
    if (!holds(step.if ?? "success()", this.#contexts(running))) return `not ${step.if}`;
    const isElsewhere = this.#settings.isLinuxOnly && step.run !== undefined && system !== "Linux";
    return isElsewhere ? `needs ${system}` : undefined;
  }

  async #startMachine(id: string): Promise<RunningJob> {
    const job = this.#workflow.jobs[id]!;
    const system = SYSTEMS[job["runs-on"] ?? ""];
    assert(system !== undefined, `${id} runs on an unknown machine: ${job["runs-on"]}`);
    const folder = `${this.#settings.folder}/${id}`;
    const name = this.#settings.github.repository.replace(/.*\//, "");
    const workspace = `${folder}/work/${name}/${name}`;
    for (const each of [workspace, `${folder}/home`, `${folder}/temp`]) {
      await Deno.mkdir(each, { recursive: true });
    }
    return { id, job, system, folder, workspace, path: [], env: {}, steps: {} };
  }

  async #runStep(step: Step, running: RunningJob): Promise<void> {
    const contexts = this.#contexts(running);
    const env = {
      ...withValues(this.#workflow.env, contexts),
      ...withValues(running.job.env, contexts),
      ...running.env,
      ...withValues(step.env, contexts),
    };
    if (step.uses !== undefined) {
      const inputs = withValues(step.with, { ...contexts, env });
      const action = findAction(step.uses, Object.keys(inputs));
      await action.standIn(this.#actionCall(inputs, running));
    } else {
      const text = interpolate(step.run!, { ...contexts, env }).trimEnd();
      await this.#runScript(step, { text, env, running });
    }
  }

  #actionCall(inputs: Record<string, string>, running: RunningJob): ActionCall {
    const { repositories, github } = this.#settings;
    return {
      inputs,
      workspace: running.workspace,
      artifacts: this.artifacts,
      repository(name = github.repository) {
        assert(repositories[name] !== undefined, `no repository ${name}`);
        return repositories[name];
      },
      ref: github.ref_name,
      isWindows: running.system === "Windows",
      makeFolder: () => Deno.makeTempDir({ dir: running.folder, prefix: "action-" }),
      addPath: (folder) => void running.path.unshift(folder),
    };
  }

  async #runScript(
    step: Step,
    { text, env, running }: { text: string; env: Record<string, string>; running: RunningJob },
  ): Promise<void> {
    const { job, system, folder, workspace } = running;
    const { secrets = {}, machine, programs, instead = {} } = this.#settings;
    const defaults = { ...this.#workflow.defaults?.run, ...job.defaults?.run };
    const shell = step.shell ?? defaults.shell;
    assert(
      shell !== undefined || system !== "Windows" || PLAIN_COMMAND.test(text),
      `PowerShell would run: ${text}`,
    );
    const { code, printed, ...left } = await runScript({
      text: instead[text] ?? text,
      shell,
      cwd: `${workspace}/${step["working-directory"] ?? defaults["working-directory"] ?? ""}`,
      path: [...running.path, ...(programs === undefined ? [] : [programs])],
      env: { ...machine, ...this.#runnerVariables(running), ...env },
      folder,
    });
    const name = stepName(step);
    this.#printed.set(`${running.id}: ${name}`, printed);
    assertEquals(code, 0, `${name} ended with ${code}:\n${printed}`);
    for (const [secret, value] of Object.entries(secrets)) {
      assert(!printed.includes(value), `${name} prints the secret ${secret}`);
    }
    running.path.unshift(...left.path);
    Object.assign(running.env, left.env);
    if (step.id !== undefined) running.steps[step.id] = { outputs: left.outputs };
  }

  #runnerVariables({ system, folder, workspace }: RunningJob): Record<string, string> {
    const github = Object.entries(this.#settings.github)
      .filter(([name]) => name !== "token")
      .map(([name, value]) => [`GITHUB_${name.toUpperCase()}`, value]);
    return {
      ...Object.fromEntries(github),
      ...{ CI: "true", GITHUB_ACTIONS: "true", GITHUB_WORKSPACE: workspace },
      ...{ HOME: `${folder}/home`, LANG: "C.UTF-8", RUNNER_OS: system, RUNNER_ARCH: "X64" },
      ...{ RUNNER_TEMP: `${folder}/temp`, TMPDIR: `${folder}/temp` },
    };
  }

  #contexts({ job, system, folder, workspace, steps, env }: RunningJob): Contexts {
    const { github, inputs = {}, secrets = {}, vars = {} } = this.#settings;
    const needs = Object.fromEntries(needsOf(job).map((id) => [id, this.#jobs[id]]));
    const runner = { os: system, arch: "X64", temp: `${folder}/temp` };
    return { github: { ...github, workspace }, inputs, secrets, vars, runner, steps, needs, env };
  }
}

function withValues(
  variables: Variables | undefined,
  contexts: Contexts,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables ?? {}).map((
      [name, value],
    ) => [name, interpolate(`${value}`, contexts)]),
  );
}

/** Whether a job can be another workflow of this repository, without inputs. */
function checkCall(uses: string): void {
  const [, name] = /^\.\/\.github\/workflows\/([\w-]+\.yml)$/.exec(uses) ?? [];
  assert(name !== undefined, `${uses} is no workflow of this repository`);
  assert("workflow_call" in readWorkflow(workflowText(name)).on, `${name} cannot be called`);
}
