/** A test case of a JUnit report that was skipped; its name. */
const SKIPPED = /<testcase name="([^"]*)"[^>]*>\s*<skipped\/>/g;

/** What `testWith` puts behind the name. */
const NEEDS = /\(skipped: needs (.*)\)$/;
const OF_PACKAGE = /^(.*) \(package (\S+)\)$/;

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&" },
};

/**
 * A line for each thing that skipped tests need, with how many of them need it: the package for a program, in whatever
 * number of programs of it.
 *
 * @param report What `deno test --junit-path` writes.
 */
export function describeSkipped(report: string): string[] {
  const counts = new Map<string, number>();
  const names = Array.from(report.matchAll(SKIPPED), ([, name]) => unescape(name!));
  for (const name of names) {
    const needs = NEEDS.exec(name)?.[1]?.split("; ") ?? [`what its name does not say: ${name}`];
    for (const need of new Set(needs.map(withoutProgram))) {
      counts.set(need, (counts.get(need) ?? 0) + 1);
    }
  }
  if (counts.size === 0) return [];
  const byCount = [...counts].sort(([a, n], [b, m]) => m - n || a.localeCompare(b));
  const lines = byCount.map(([need, count]) => `${String(count).padStart(6)}  ${need}`);
  return [`what the ${names.length} skipped tests need:`, ...lines];
}

function withoutProgram(need: string): string {
  const [, , name] = OF_PACKAGE.exec(need) ?? [];
  return name === undefined ? need : `package ${name}`;
}

function unescape(text: string): string {
  return text.replace(/&\w+;/g, (entity) => ENTITIES[entity] ?? entity);
}
