import { parse } from "@std/yaml/parse";

/** A workflow's file, as https://docs.github.com/actions/reference/workflow-syntax-for-github-actions has it. */
export interface Workflow {
  readonly name: string;
  /** Of the events that start it; `workflow_call` has its inputs. */
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: unknown;
  readonly concurrency?: unknown;
  readonly env?: Variables;
  readonly defaults?: Defaults;
  readonly jobs: Readonly<Record<string, Job>>;
}

export interface Job {
  readonly needs?: string | readonly string[];
  readonly permissions?: unknown;
  readonly "runs-on"?: string;
  readonly "timeout-minutes"?: number;
  readonly env?: Variables;
  readonly defaults?: Defaults;
  readonly outputs?: Variables;
  readonly steps?: readonly Step[];
  /** The workflow that takes the place of steps. */
  readonly uses?: string;
}

export interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly if?: string | boolean;
  readonly uses?: string;
  readonly with?: Variables;
  readonly run?: string;
  readonly shell?: string;
  readonly "working-directory"?: string;
  readonly env?: Variables;
}

export type Variables = Readonly<Record<string, string | number | boolean>>;

export interface Defaults {
  readonly run?: { readonly shell?: string; readonly "working-directory"?: string };
}

const FOLDER = new URL("../../../.github/workflows/", import.meta.url);

/** What the runner here knows; another key may change what a workflow does. */
const KNOWN = {
  workflow: ["name", "on", "permissions", "concurrency", "env", "defaults", "jobs"],
  job: [
    ...["needs", "permissions", "runs-on", "timeout-minutes", "env", "defaults", "outputs"],
    ...["steps", "uses"],
  ],
  step: ["id", "name", "if", "uses", "with", "run", "shell", "working-directory", "env"],
} as const;

/** The names of the workflows, sorted. */
export function workflowNames(): string[] {
  return Array.from(Deno.readDirSync(FOLDER), ({ name }) => name).sort();
}

/** The text of a workflow of this repository. */
export function workflowText(name: string): string {
  return Deno.readTextFileSync(new URL(name, FOLDER));
}

/** Reads a workflow. @throws {Error} for a key that the runner here does not know, because it would be ignored silently. */
export function readWorkflow(text: string): Workflow {
  const workflow = parse(text) as Workflow;
  refuseUnknown("workflow", workflow);
  for (const [id, job] of Object.entries(workflow.jobs)) {
    refuseUnknown("job", job, id);
    for (const step of job.steps ?? []) refuseUnknown("step", step, stepName(step));
  }
  return workflow;
}

function refuseUnknown(kind: keyof typeof KNOWN, value: object, name = ""): void {
  const unknown = Object.keys(value).find((key) =>
    !(KNOWN[kind] as readonly string[]).includes(key)
  );
  if (unknown !== undefined) {
    throw new Error(`The runner does not know the key ${unknown} of the ${kind} ${name}`.trimEnd());
  }
}

/** The jobs, each behind those that it needs. */
export function jobsInOrder({ jobs }: Workflow): string[] {
  const ordered = new Set<string>();
  const add = (id: string): void => {
    for (const needed of needsOf(jobs[id]!)) add(needed);
    ordered.add(id);
  };
  for (const id of Object.keys(jobs)) add(id);
  return [...ordered];
}

export function needsOf({ needs = [] }: Job): readonly string[] {
  return typeof needs === "string" ? [needs] : needs;
}

/** What GitHub shows for a step. */
export function stepName({ name, uses, run }: Step): string {
  return name ?? uses?.replace(/@.*/, "") ?? run?.split("\n")[0] ?? "";
}
