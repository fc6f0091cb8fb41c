import { composeDoctor, findFaults } from "../../app/doctor.ts";
import { SentinelError } from "../../core/errors.ts";
import { resolve } from "../../core/paths.ts";
import { escapeControls } from "../../core/text.ts";
import type { Diagnostic } from "../../doctor/diagnostic.ts";
import type { Command } from "../command.ts";
import { applyOptions, LICENSE_SOURCES, readLicenseRequest } from "../run_options.ts";
import { EXIT, getExitCode } from "../exit_codes.ts";

export const command: Command = {
  usage: "[--license FILE] [options]",
  options: [
    ...["license", "software", "org-key", "server-url", "state-dir"] as const,
    ...["ca-file", "config", "json"] as const,
  ],
  notes: [
    "Checks what a run with the same options and configuration file would use.",
    LICENSE_SOURCES,
    "Changes nothing and takes no place on the license. Sends one heartbeat to the license server: this machine's if it is",
    "activated, else that of a machine that does not exist.",
    "The exit status is the one with which a run would end before it launches the software: 0, 2, 80 to 84, 86.",
    "The last line says what to do first.",
  ],
  async run(context) {
    const { args, config, output, build } = context;
    const applied = applyOptions(args, config?.config);
    const { path: software } = applied.software;
    const findings = await composeDoctor({
      ...readLicenseRequest(context, applied),
      softwarePath: software === undefined ? undefined : resolve(software),
      permissions: build.permissions,
    }, {
      onSlow: (url) =>
        output.note(
          escapeControls(`the license server is slow, still waiting for its answer: ${url}`),
        ),
    });
    const { first, obstacle } = findFaults(findings);
    output.result(
      args.flag("json")
        ? JSON.stringify({ ok: first === undefined, checks: findings.map(removeCode) })
        : [...findings.map(formatLine), conclude(obstacle, first)].join("\n"),
    );
    return obstacle === undefined
      ? EXIT.ok
      : getExitCode(new SentinelError(obstacle.code, obstacle.found));
  },
};

function formatLine(finding: Diagnostic): string {
  const advice = finding.outcome === "failed" ? ` — ${finding.advice}` : "";
  const { outcome, check, found } = finding;
  return escapeControls(`${outcome.padEnd(7)}  ${check.padEnd(11)}  ${found}${advice}`);
}

/** Says whether a run would start, and what to do first. */
function conclude(obstacle: Diagnostic | undefined, first: Diagnostic | undefined): string {
  if (first?.outcome !== "failed") return "a run would start";
  const todo = `first: ${first.check}: ${first.advice}`;
  return escapeControls(obstacle === undefined ? `a run would start, on grace; ${todo}` : todo);
}

function removeCode(finding: Diagnostic): Record<string, unknown> {
  const { check, outcome, found } = finding;
  return { check, outcome, found, advice: finding.outcome === "failed" ? finding.advice : null };
}
