import { assert, assertEquals, assertMatch } from "@std/assert";
import { createLinuxPrivileges } from "../../../src/platform/linux/privileges.ts";
import type { ProcessRights } from "../../../src/platform/process_contract.ts";
import { openLibraries } from "../../support/open_libraries.ts";
import { OTHER_USERS } from "../../support/other_user.ts";
import { threadRights } from "../../support/process_rights.ts";
import { LineReader, resultOf } from "../../support/program.ts";
import { programForAll } from "../../support/program_for_all.ts";
import { needsProgram, testWith } from "../../support/requirements.ts";
import { temporaryFolder } from "../../support/temporary_folder.ts";

openLibraries();

const NOBODY: ProcessRights = {
  ...{ userId: 65534, groupId: 65534, groups: [65534] },
  ...{ capabilities: [], noNewPrivileges: true, rootFolder: undefined },
};

interface Afterwards {
  /** What the process finds wrong with itself. */
  readonly differences: string[];
  /** What its threads are seen to be, each different one once. */
  readonly threads: Record<string, string>[];
  /** What it has open. */
  readonly files: string[];
  /** Whether its session keyring has root's key. */
  readonly hasKey: boolean;
}

/** What root has open when it gives its rights up. */
const SECRET = "/etc/shadow", KEY = "sentinel-test-secret";

/** Has a process of root's give its rights up. */
async function giveUp(
  rights: ProcessRights,
  { flags = [], script = `exec "$@" 9< ${SECRET}`, env = {} }: {
    flags?: string[];
    script?: string;
    env?: Record<string, string>;
  } = {},
): Promise<Afterwards> {
  const { deno, entry } = await programForAll("tests/fixtures/give_up_rights.ts");
  await using cache = await temporaryFolder();
  await Deno.chown(cache.path, rights.userId, rights.groupId);
  await using child = new Deno.Command("sh", {
    args: [
      ...["-c", script, "sh", deno, "run", "--quiet", "--no-prompt", "--no-config"],
      ...["--allow-all", entry!],
      ...[JSON.stringify(rights), ...flags],
    ],
    cwd: "/",
    env: { DENO_DIR: cache.path, NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const stdout = new LineReader(child.stdout);
  const [line] = await stdout.match(/^\[.*\]$/m);
  const threads = await threadRights(child.pid);
  const files = await openFiles(child.pid);
  await child.stdin.close();
  await stdout.ended;
  const hasKey = /^has the key$/m.test(stdout.text);
  return { differences: JSON.parse(line), threads, files, hasKey };
}

async function openFiles(pid: number): Promise<string[]> {
  const { stdout } = await resultOf("sh", {
    args: ["-c", `for fd in /proc/${pid}/fd/*; do readlink "$fd"; done`],
  });
  return stdout.trim().split("\n");
}

testWith(
  [OTHER_USERS],
  "become() drops the privileges of every thread, under the same pid",
  async () => {
    const { differences, threads: [thread, ...others] } = await giveUp(NOBODY);
    assertEquals([differences, others], [[], []]);
    assertEquals([thread!["Uid"], parseInt(thread!["CapBnd"]!, 16)], [
      Array(4).fill(65534).join("\t"),
      0,
    ]);
  },
);

testWith([OTHER_USERS], "become() closes root's descriptors", async () => {
  const { files } = await giveUp(NOBODY);
  assertEquals([files.length > 2, files.includes(SECRET)], [true, false]);
});

testWith(
  [OTHER_USERS, needsProgram("keyctl")],
  "become() leaves root's session keyring",
  async () => {
    const add = `keyctl add user ${KEY} x @s >&2 && exec "$@"`;
    const script = `exec keyctl session - sh -c '${add}' sh "$@"`;
    const { hasKey } = await giveUp(NOBODY, { script, env: { SECRET_KEY: KEY } });
    assertEquals(hasKey, false);
  },
);

testWith(
  [OTHER_USERS],
  "listDifferences() lists the threads that keep privileges without an execve",
  async () => {
    const { differences, threads } = await giveUp(NOBODY, { flags: ["--no-exec"] });
    assert(
      threads.some(({ NoNewPrivs, CapBnd }) => NoNewPrivs === "0" && parseInt(CapBnd!, 16) > 0),
    );
    const text = differences.join("\n");
    assertMatch(text, /^thread \d+: no_new_privs is not set$/m);
    assertMatch(text, /^thread \d+: bounding capabilities are \d+ of them$/m);
  },
);

testWith(
  [OTHER_USERS],
  "capabilities that are not limited stay in the bounding set",
  async () => {
    const rights = { ...NOBODY, capabilities: undefined, noNewPrivileges: false };
    const { differences, threads: [thread, ...others] } = await giveUp(rights);
    assertEquals([differences, others], [[], []]);
    assertEquals([parseInt(thread!["CapEff"]!, 16), thread!["NoNewPrivs"]], [0, "0"]);
    assert(parseInt(thread!["CapBnd"]!, 16) > 0);
  },
);

testWith([OTHER_USERS], "a process that can regain root is detected", async () => {
  const { differences } = await giveUp({ ...NOBODY, capabilities: ["CAP_SETUID"] });
  assertEquals(differences, ["the process can regain root"]);
});

testWith(
  [OTHER_USERS],
  "listDifferences() names each wrong privilege of a process that root started",
  () => {
    const found = createLinuxPrivileges().listDifferences({ ...NOBODY, rootFolder: "/nowhere" });
    const kinds = new Set(
      found.map((line) => line.replace(/^thread \d+: /, "").replace(/ are.*/, "")),
    );
    assertEquals([...kinds].sort(), [
      ...["bounding capabilities", "effective capabilities", "group ids", "groups"],
      ...[
        "no_new_privs is not set",
        "permitted capabilities",
        "the root directory is not /nowhere",
      ],
      "user ids",
    ]);
  },
);
