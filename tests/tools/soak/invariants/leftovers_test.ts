import { assert, assertEquals } from "@std/assert";
import { openLibraries } from "../../../support/open_libraries.ts";
import { POSIX, testWith } from "../../../support/requirements.ts";
import { LAUNCH_TOKEN_VARIABLE } from "../../../../tools/soak/system.ts";
import { checkLeftovers, findByLaunchToken } from "../../../../tools/soak/invariants/leftovers.ts";

openLibraries();

const NOTHING = { processes: [], files: [], locked: [] };

const PASSING = [
  ...["runtime/sentinel/sentinel-1.sock", "runtime/sentinel/sentinel-1.sock.lock"],
  ...["runtime/sentinel/sentinel-1.sock~", "runtime/daemon.pid", "customers/state-1/state.bin.tmp"],
  ...["daemon/records/3/record.json.tmp", "vendor/licenses.db-wal", "customers/lock"],
];

for (const path of PASSING) {
  Deno.test(`${path} is reported`, () => {
    const files = [`/s/${path}`];
    assertEquals(checkLeftovers({ ...NOTHING, files }), [`a file is left: /s/${path}`]);
  });
}

Deno.test("files that are meant to stay are not leftovers", () => {
  const names = ["customers/state-1/lock", "daemon/state/lock", "daemon/records/lock"];
  const files = [...names, "customers/state-1/state.bin", "vendor/licenses.db"];
  assertEquals(checkLeftovers({ ...NOTHING, files: files.map((name) => `/s/${name}`) }), []);
});

Deno.test("a held lock file that stays is reported", () => {
  const locked = ["/s/daemon/records/lock"];
  assertEquals(checkLeftovers({ ...NOTHING, locked }), [
    "a file is still locked: /s/daemon/records/lock",
  ]);
});

testWith([POSIX], "a process with the soak's mark is found and reported", async () => {
  const mark = crypto.randomUUID();
  assertEquals(await findByLaunchToken(mark), []);
  const child = new Deno.Command("cat", { env: { [LAUNCH_TOKEN_VARIABLE]: mark }, stdin: "piped" })
    .spawn();
  const processes = await findByLaunchToken(mark);
  await child.stdin.close();
  await child.status;
  assertEquals(processes, [`cat (pid ${child.pid})`]);
  assert(checkLeftovers({ ...NOTHING, processes })[0]!.startsWith("a process is left: cat"));
  assertEquals(await findByLaunchToken(mark), []);
});
