/**
 * The variables of a file that a step wrote to name its outputs or the environment of the steps after it: `NAME=VALUE`, or
 * `NAME<<END`, the lines, and `END` (https://docs.github.com/actions/reference/workflow-commands-for-github-actions).
 *
 * @throws {Error} for a line that is neither, as the runner fails the step.
 */
export function parseCommandFile(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  const lines = text.split("\n");
  while (lines.length > 0) {
    const line = lines.shift()!;
    const [, name, end] = /^([^=]+?)<<(.+)$/.exec(line) ?? [];
    if (name !== undefined) {
      const last = lines.indexOf(end!);
      if (last === -1) throw new Error(`${name} has no line ${end} behind its value`);
      variables[name] = lines.splice(0, last + 1).slice(0, -1).join("\n");
    } else if (line.includes("=")) {
      variables[line.slice(0, line.indexOf("="))] = line.slice(line.indexOf("=") + 1);
    } else if (line !== "") {
      throw new Error(`Invalid format '${line}'`);
    }
  }
  return variables;
}
