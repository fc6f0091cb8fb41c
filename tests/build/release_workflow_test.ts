// Not on Windows: it is about the sources, which are the same there.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { runScript, type ScriptResult } from "../support/workflow_runner/run_script.ts";
import { sourcesMachine, TAG } from "../support/workflow_runner/sources_machine.ts";
import { CLONING } from "../support/workflow_runner/sources_repository.ts";
import { StandInPrograms } from "../support/workflow_runner/stand_in_programs.ts";
import {
  jobsInOrder,
  readWorkflow,
  workflowText,
} from "../support/workflow_runner/workflow_file.ts";
import { WorkflowRun } from "../support/workflow_runner/workflow_run.ts";
import { PROFILES, VERSION } from "../../src/core/build_info.ts";
import { formatProgramFileName, TARGETS } from "../../src/packaging/targets.ts";

const WORKFLOW = readWorkflow(workflowText("release.yml"));
const PROGRAMS = PROFILES.flatMap((profile) =>
  TARGETS.map((target) => formatProgramFileName(profile, target))
);

const SECRETS = {
  MACOS_CERTIFICATE: btoa("macOS certificate"),
  MACOS_CERTIFICATE_PASSWORD: 'macOS "password" \\',
  MACOS_NOTARY_KEY: btoa("notary key"),
  WINDOWS_CERTIFICATE: btoa("Windows certificate"),
  WINDOWS_CERTIFICATE_PASSWORD: "Windows pässword",
};
const VARS = {
  MACOS_IDENTITY: "Developer ID Application: Acme (TEAM)",
  MACOS_NOTARY_KEY_ID: "KEYID",
  MACOS_NOTARY_ISSUER: "ISSUER",
};

/** Tools that sign by a line at a program's end, as programs are scripts here. */
async function writeSigningTools(programs: StandInPrograms): Promise<void> {
  await programs.write(
    "security",
    `case $1 in
      -i) cat >>"$log.input" ;;
      find-identity) echo '1) 0123 "${VARS.MACOS_IDENTITY}"' ;;
    esac`,
  );
  await programs.write(
    "codesign",
    `for program; do :; done
    case $* in --force*) echo '# signed for macOS' >>"$program" ;; *) grep -q '# signed' "$program" ;; esac`,
  );
  await programs.write("zip", '[ $# -gt 3 ] && : >"$3"');
  await programs.write("xcrun", `echo '{"id":"1","status":"Accepted"}'`);
  await programs.write(
    "pwsh",
    `input=$(cat)
    echo "$input" >>"$log.input"
    for program in $(echo "$input" | grep -o '"[^"]*[.]exe"' | tr -d '"'); do
      echo '# signed for Windows' >>"$program"
    done`,
  );
}

testWith(CLONING, "a tag makes a release of signed programs, in fresh clones", async (t) => {
  await using folder = await temporaryFolder();
  const { settings, programs } = await sourcesMachine(folder, "tag");
  await writeSigningTools(programs);
  await programs.write(
    "gh",
    `[ -n "$GH_TOKEN" ] && mkdir "$log.assets" && shift 3
    for file; do [ -f "$file" ] && cp "$file" "$log.assets"; done; true`,
  );
  const run = new WorkflowRun(WORKFLOW, { ...settings, secrets: SECRETS, vars: VARS });
  await run.run(t);

  const [call, ...more] = programs.calls("gh");
  assertEquals(more, []);
  const assets = [...PROGRAMS, "SHA256SUMS", "sentinel.1", "sentinel.cdx.json"].sort();
  assertEquals(call!.slice(0, 8), [
    ...["release", "create", TAG, "--verify-tag", "--title", TAG, "--notes-file", "notes.md"],
  ]);
  assertEquals(call!.slice(8).sort(), assets.map((name) => `dist/${name}`).sort());

  const asset = (name: string) => Deno.readTextFile(folder.at(`programs/.gh.assets/${name}`));
  const sums = (await asset("SHA256SUMS")).trim().split("\n").map((line) => line.slice(66));
  assertEquals(sums.sort(), assets.filter((name) => name !== "SHA256SUMS"));
  for (const program of PROGRAMS) {
    const signature = /# signed for (?:macOS|Windows)\n$/.exec(await asset(program))?.[0] ?? "";
    const wanted = /apple/.test(program) ? "macOS" : /windows/.test(program) ? "Windows" : "";
    assertEquals(signature, wanted && `# signed for ${wanted}\n`, program);
  }
  assertEquals(JSON.parse(await asset("sentinel.cdx.json")).bomFormat, "CycloneDX");
  assertMatch(await asset("sentinel.1"), /^\.TH SENTINEL 1/im);
  assertMatch(await asset("notes.md"), /^### Added/m);

  await t.step("secrets go to the tools' standard input, and nowhere else", () => {
    assert(programs.input("security").includes('"macOS \\"password\\" \\\\"'));
    const given = JSON.parse(programs.input("pwsh"));
    assertEquals(given.certificate, SECRETS.WINDOWS_CERTIFICATE);
    assertEquals(given.password, SECRETS.WINDOWS_CERTIFICATE_PASSWORD);
    for (const program of ["security", "codesign", "zip", "xcrun", "pwsh", "gh"]) {
      const seen = JSON.stringify(programs.calls(program)) + programs.environment(program);
      assert(seen.length > 100, program);
      for (const [name, value] of Object.entries(SECRETS)) {
        assert(
          !seen.includes(value) && !seen.includes(JSON.stringify(value)),
          `${program}: ${name}`,
        );
      }
    }
  });
  await t.step("the uploaded programs were compiled twice with the same bytes", () => {
    const compared = run.printedBy("build", "The same inputs made the same bytes");
    assertEquals(compared.match(/: OK$/gm)?.length, PROGRAMS.length);
  });
});

/** Runs the script of a job's last step alone, for another tag. */
async function runLastStep(job: string, tag: string, path: string): Promise<ScriptResult> {
  await using folder = await temporaryFolder();
  return await runScript({
    text: WORKFLOW.jobs[job]!.steps!.at(-1)!.run!,
    shell: "bash",
    cwd: fromFileUrl(new URL("../..", import.meta.url)),
    folder: folder.path,
    path: [path],
    env: { GITHUB_REF_NAME: tag, NO_COLOR: "1" },
  });
}

testWith(CLONING, "a tag that differs from the version is refused first", async () => {
  await using folder = await temporaryFolder();
  await Deno.symlink(Deno.execPath(), folder.at("deno"));
  const { code, printed } = await runLastStep("tag", "v9.9.9", folder.path);
  assertEquals([code, printed], [1, `the tag is v9.9.9, the program's version ${VERSION}\n`]);
  assertEquals(jobsInOrder(WORKFLOW)[0], "tag");
  assertEquals([WORKFLOW.jobs["test"]!.needs, WORKFLOW.jobs["build"]!.needs], ["tag", "test"]);
});

testWith(CLONING, "a version with a hyphen is published as a prerelease", async () => {
  await using folder = await temporaryFolder();
  const programs = new StandInPrograms(folder.path);
  await programs.write("gh");
  for (const tag of ["v1.0.0", "v1.0.0-rc.1"]) {
    assertEquals((await runLastStep("publish", tag, folder.path)).code, 0);
  }
  const calls = programs.calls("gh").map((args) => [args[2], args.includes("--prerelease")]);
  assertEquals(calls, [["v1.0.0", false], ["v1.0.0-rc.1", true]]);
});

testWith(
  CLONING,
  "a repository without a signing identity still makes a release",
  async (t) => {
    await using folder = await temporaryFolder();
    const { settings } = await sourcesMachine(folder, "tag");
    const run = new WorkflowRun(WORKFLOW, settings);
    run.artifacts.set("programs", folder.at("programs"));
    for (const name of PROGRAMS) {
      await Deno.writeTextFile(folder.at(`programs/${name}`), "#!/bin/sh\n");
    }
    await run.run(t, ["sign-macos", "sign-windows"]);
    assertMatch(run.printedBy("sign-macos", "Sign"), /^::notice::not signed for macOS: MACOS_/m);
    assertMatch(run.printedBy("sign-windows", "Sign"), /^::notice::not signed for Windows: WIN/m);
    assertEquals([...run.artifacts.keys()], ["programs", "programs-macos", "programs-windows"]);
  },
);
