import { assertEquals } from "@std/assert";
import { diffConfig, mergeChangeable } from "../../src/config/diff.ts";
import { parseConfig } from "../../src/config/load.ts";

const config = (text: string) => parseConfig(text, "/etc/sentinel.toml").config;

Deno.test("diffConfig() separates changeable keys from those that need a restart", () => {
  const before = config('[software]\nargs = ["a"]\n[logging]\nlevel = "info"\n');
  const after = config(
    '[software]\nargs = ["b"]\nenv = { A = "1" }\n[logging]\nlevel = "debug"\nfile = "x.log"\n' +
      '[health]\nprobe = "ipc"\n[ipc]\npeer = "child"\nmax_connections = 3\n' +
      '[license]\npath = "new.lic"\n[shutdown]\ntimeout_ms = 5\n',
  );
  assertEquals(diffConfig(before, after), {
    changeable: [
      "license.path",
      "ipc.max_connections",
      "health.probe",
      "logging.level",
      "logging.file",
      "shutdown.timeout_ms",
    ],
    requiresRestart: ["software.args", "software.env", "ipc.peer"],
  });
});

Deno.test("diffConfig() finds no difference if a default is written out", () => {
  const after = config("[shutdown]\ntimeout_ms = 30000\n[ipc]\n");
  assertEquals(diffConfig(config(""), after), { changeable: [], requiresRestart: [] });
});

Deno.test("diffConfig() finds a removed key", () => {
  const before = config('[health]\nlisten = "localhost:1"\n[process]\nuser = "a"\n');
  const { changeable, requiresRestart } = diffConfig(before, config(""));
  assertEquals([changeable, requiresRestart], [["health.listen"], ["process.user"]]);
});

Deno.test("after the merge only the keys that need a restart differ", () => {
  const before = config('[software]\nargs = ["a"]\n[health]\nlisten = "localhost:1"\n');
  const after = config('[software]\nargs = ["b"]\n[logging]\nlevel = "debug"\n');
  const merged = mergeChangeable(before, after);
  assertEquals(diffConfig(merged, after), { changeable: [], requiresRestart: ["software.args"] });
  assertEquals(diffConfig(before, merged).requiresRestart, []);
});
