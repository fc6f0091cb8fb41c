import { composeDoctor } from "../../app/doctor.ts";
import { SentinelError } from "../../core/errors.ts";
import { escapeControls } from "../../core/text.ts";
import type { Diagnostic } from "../../doctor/diagnostic.ts";
import type { Command } from "../command.ts";
import { applyOptions, readLicenseRequest } from "../run_options.ts";
import { EXIT, getExitCode } from "../exit_codes.ts";

export const command: Command = {
  usage: "[--license FILE] [options]",
  options: ["license", "org-key", "server-url", "state-dir", "ca-file", "config", "json"],
  notes: [
    "Checks what a run with the same options and configuration file would use.",
    "Changes nothing. Sends one request to the license server, for a machine that does not exist.",
    "Exit status 0 if every check passes, else that of the first one that failed: 2, 80, 82, 83, 86, 87.",
  ],
  async run(context) {
    const { args, config, output, build } = context;
    const findings = await composeDoctor({
      ...readLicenseRequest(context, applyOptions(args, config?.config)),
      permissions: build.permissions,
    }, {
      onSlow: (url) =>
        output.note(
          escapeControls(`the license server is slow, still waiting for its answer: ${url}`),
        ),
    });
    const first = findings.find((finding) => finding.outcome === "failed");
    output.result(
      args.flag("json")
        ? JSON.stringify({ ok: first === undefined, checks: findings.map(removeCode) })
        : findings.map(formatLine).join("\n"),
    );
    return first === undefined ? EXIT.ok : getExitCode(new SentinelError(first.code, first.found));
  },
};

function formatLine(finding: Diagnostic): string {
  const advice = finding.outcome === "failed" ? ` — ${finding.advice}` : "";
  const { outcome, check, found } = finding;
  return escapeControls(`${outcome.padEnd(7)}  ${check.padEnd(11)}  ${found}${advice}`);
}

function removeCode(finding: Diagnostic): Record<string, unknown> {
  const { check, outcome, found } = finding;
  return { check, outcome, found, advice: finding.outcome === "failed" ? finding.advice : null };
}
