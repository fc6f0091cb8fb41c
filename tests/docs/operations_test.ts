// Not on Windows: it is about the sources, which are the same there.
import { assertEquals, assertNotEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { EXIT_MEANINGS } from "../../src/cli/exit_codes.ts";
import { findLogCalls, logCallsOf, sourcesIn } from "../support/log_calls.ts";

const ROOT = new URL("../..", import.meta.url);
const SOURCES = fromFileUrl(new URL("src", ROOT));
const OPERATIONS = await Deno.readTextFile(new URL("docs/OPERATIONS.md", ROOT));

const LEVELS = { warn: "WARNING", error: "ERROR", info: "INFO", computed: "WARNING" } as const;

/** Texts of log calls whose message is created elsewhere. */
const MADE_ELSEWHERE: Readonly<Record<string, readonly string[]>> = {
  // all other lines pass through here
  'cli/logging.ts message.replaceAll("{", "{{").replaceAll("}", "}}")': [],
  // the request to stop, which the socket hears as well
  "agent/serve.ts describeStopRequest(by)": [],
  // warnings pass through here to the command that starts a daemon
  "app/daemon.ts message": [],
  // the lines after the first of a failed reload
  "daemon/daemon.ts line": [],
  "enforcement/tamper_findings.ts `${message}: ${evidence}`": await findingTexts(),
  "agent/hardware_bound.ts describeMismatch(expected, match)": ["hardware: …"],
  ...Object.fromEntries(
    [
      "license_server/issue_license_file.ts",
      "agent/hardware_bound.ts",
      "cli/commands/fingerprint.ts",
    ]
      .map((file) => [`${file} weakness.message`, ["the hardware fingerprint is weak: …"]]),
  ),
  // the end of a daemon, which its exit status explains
  "daemon/run_daemon.ts describeError(error)": [
    "maximum recovery attempts reached",
    "emergency shutdown: not stopped within … ms",
  ],
  // the statistics that SIGUSR1 asks for
  "daemon/run_daemon.ts JSON.stringify(this.#daemon.stats())": [],
  // messages of createThrottledWarning()
  "core/log.ts dropped === 0 ? message : `${message} (${dropped} more in the last minute)`": [
    "ipc cannot accept a connection: …",
    "idle connections are closed: cannot accept more: …",
    "cannot accept more: …",
    "cannot listen: …",
  ],
  "supervision/supervisor.ts describeError(error)": ["software …"],
  "supervision/supervisor.ts describeRestart(restart, this.#settings.policy)": [
    "the software …: restart … of … …",
  ],
  "remote/server.ts describeError(error)": [],
};

/** A row of a table of OPERATIONS.md that has cells. */
function rows(cells: RegExp): RegExpMatchArray[] {
  return [...OPERATIONS.matchAll(new RegExp(`^\\| ${cells.source} \\|`, "gm"))];
}

/** `WARNING: text` for each line of the log that is told of. */
const documented = rows(/`([^`]+)` +\| (INFO|WARNING|ERROR) +\| [^|]*\w[^|]*\| [^|]*\w[^|]*/)
  .map(([, text, level]) => `${level}: ${text}`);

/** The same for each that is written. */
async function written(): Promise<{ lines: string[]; unknown: string[] }> {
  const lines: string[] = [], unknown: string[] = [];
  for (const { file, level, text, source } of await findLogCalls(SOURCES)) {
    const place = `${file} ${source}`;
    const texts = text === undefined ? MADE_ELSEWHERE[place] : [text];
    if (texts === undefined) unknown.push(place);
    lines.push(...texts?.map((text) => `${LEVELS[level]}: ${text}`) ?? []);
  }
  return { lines, unknown };
}

/** The message of each tamper finding, without its evidence. */
async function findingTexts(): Promise<string[]> {
  const texts: string[] = [];
  for await (const file of sourcesIn(SOURCES)) {
    const source = await Deno.readTextFile(`${SOURCES}/${file}`);
    const matches = source.matchAll(/message: (?:"([^"]+)")?[^\n]*\n *evidence/g);
    for (const [, text] of matches) texts.push(`${text}: …`);
  }
  return texts;
}

Deno.test("OPERATIONS.md says what to do about every warning and error in the log", async () => {
  const { lines, unknown } = await written();
  assertEquals(unknown, [], "made elsewhere: say in this test what it may be");
  const grave = lines.filter((line) => !line.startsWith("INFO"));
  assertEquals(grave.filter((line) => !documented.includes(line)), []);
});

Deno.test("OPERATIONS.md lists no line that is never logged", async () => {
  const { lines } = await written();
  assertEquals(documented.filter((line) => !lines.includes(line)), []);
  assertEquals(documented, [...new Set(documented)]);
});

Deno.test("OPERATIONS.md has every exit status with its meaning, and what to do", () => {
  const told = rows(/(\d+|N) +\| ([^|]*[^| ]) +\| [^|]*\w[^|]*/);
  assertEquals(
    told.map(([, status, meaning]) => [status, meaning]),
    EXIT_MEANINGS.map((row) => [...row]),
  );
});

Deno.test("every section that OPERATIONS.md links to exists", () => {
  const parts = [...OPERATIONS.matchAll(/^##+ (.+)$/gm)].map(([, title]) =>
    title!.toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-")
  );
  const targets = [...OPERATIONS.matchAll(/\]\(#([^)]+)\)/g)].map(([, target]) => target!);
  assertNotEquals(targets, []);
  assertEquals(targets.filter((target) => !parts.includes(target)), []);
});

Deno.test("a log call is found by name, with each run of placeholders as one sign", () => {
  const source =
    "this.#options.log.warn(`a ${b + `${c}`} d${e}${f}`); log[x]('g'); log.error(h());" +
    " log.debug('no'); blog.warn('no'); output.error('no'); logger.info('i')";
  assertEquals(logCallsOf(source).map(({ level, text }) => [level, text]), [
    ["warn", "a … d…"],
    ["computed", "g"],
    ["error", undefined],
    ["info", "i"],
  ]);
});
