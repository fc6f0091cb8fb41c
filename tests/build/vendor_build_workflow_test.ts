// Not on Windows: it is about the sources, which are the same there.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeOrganizationKey } from "../../src/license_server/keys.ts";
import { TARGETS } from "../../src/packaging/targets.ts";
import { testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { sourcesMachine, TAG } from "../support/workflow_runner/sources_machine.ts";
import { CLONING, commitAll } from "../support/workflow_runner/sources_repository.ts";
import { readWorkflow, workflowText } from "../support/workflow_runner/workflow_file.ts";
import { WorkflowRun } from "../support/workflow_runner/workflow_run.ts";

const WORKFLOW = readWorkflow(workflowText("vendor-build.yml"));

/** The inputs that a call leaves out have their defaults, and those that have none must be given. */
function inputsOf(given: Readonly<Record<string, string>>): Record<string, string> {
  const { inputs } = WORKFLOW.on["workflow_call"] as {
    inputs: Record<string, { required?: boolean; default?: string }>;
  };
  assertEquals(Object.keys(given).filter((name) => !(name in inputs)), []);
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { required = false, default: value }]) => {
      assertEquals(required && !(name in given), false, `${name} is required`);
      return [name, given[name] ?? value ?? ""];
    }),
  );
}

interface Built {
  /** Of the artifact that the output names. */
  readonly names: string[];
  readonly read: (name: string) => Promise<string>;
  readonly checked: string;
}

/** Runs the workflow as a vendor's repository calls it. */
async function build(
  t: Deno.TestContext,
  inputs: Readonly<Record<string, string>>,
  inspect: (built: Built) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder();
  const { settings } = await sourcesMachine(folder, "tag");
  await makeOrganizationKey(folder.at("vendor/our keys"));
  await Deno.remove(folder.at("vendor/our keys/org_private_key.pem"));
  await commitAll(folder.at("vendor"));
  const run = new WorkflowRun(WORKFLOW, {
    ...settings,
    github: { ...settings.github, repository: "vendor/product", ref_name: "main" },
    repositories: { ...settings.repositories, "vendor/product": folder.at("vendor") },
    inputs: inputsOf({
      ...{ sentinel: "acme/sentinel", ref: TAG, "org-key": "our keys/org_public_key.pem" },
      ...inputs,
    }),
  });
  await run.run(t);
  const artifact = run.artifacts.get(run.outputsOf("build")["artifact"]!)!;
  await inspect({
    names: Array.from(Deno.readDirSync(artifact), ({ name }) => name).sort(),
    read: (name) => Deno.readTextFile(`${artifact}/${name}`),
    checked: run.printedBy("build", "Checksums agree, and the program tells your key"),
  });
}

testWith(CLONING, "a vendor builds for every system with only a key", async (t) => {
  await build(t, {}, async ({ names, read, checked }) => {
    const programs = TARGETS.map((target) =>
      `sentinel-${target}${/windows/.test(target) ? ".exe" : ""}`
    ).sort();
    assertEquals(names, ["SHA256SUMS", ...programs]);
    assertEquals(checked.match(/: OK$/gm)?.length, programs.length);
    assertMatch(checked, /^sentinel for x86_64-unknown-linux-gnu$/m);
    for (const name of programs) {
      const program = await read(name);
      assertStringIncludes(program, "-----BEGIN PUBLIC KEY-----");
      assertEquals(/softwareId|serverUrl/.test(program), false);
    }
  });
});

testWith(CLONING, "a vendor's software, server, program and systems are built in", async (t) => {
  await build(t, {
    ...{ "software-id": "web", "server-url": "https://licenses.example.com" },
    ...{ software: "/opt/Our Web/web", "anti-tamper": "stop" },
    ...{ targets: "x86_64-pc-windows-msvc aarch64-apple-darwin" },
  }, async ({ names, read, checked }) => {
    const programs = ["sentinel-aarch64-apple-darwin", "sentinel-x86_64-pc-windows-msvc.exe"];
    assertEquals(names, ["SHA256SUMS", ...programs]);
    assertEquals(checked.match(/: OK$/gm)?.length, 2);
    for (const name of programs) {
      const program = await read(name);
      assertStringIncludes(program, '"softwareId":"web"');
      assertStringIncludes(program, '"serverUrl":"https://licenses.example.com"');
      assertStringIncludes(program, '"--allow-run=/opt/Our Web/web"');
      assertStringIncludes(program, '"antiTamper":"stop","ipcPeer":"child"');
    }
  });
});
