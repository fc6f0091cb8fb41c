import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { ConfigFileError } from "../../src/config/load.ts";
import { loadConfig, parseConfig } from "../../src/config/load.ts";
import { DEFAULT_LIMITS } from "../../src/ipc/limits.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const FILE = "/etc/acme/sentinel.toml";

function mistakesOf(text: string): readonly string[] {
  const error = assertThrows(() => parseConfig(text, FILE), ConfigFileError);
  assertEquals(error.code, "config.file");
  const { length } = error.details;
  assertEquals(error.message, `${length} ${length === 1 ? "mistake" : "mistakes"} in ${FILE}`);
  return error.details;
}

Deno.test("an empty file is a complete configuration of defaults", () => {
  const { config, given } = parseConfig("", FILE);
  assertEquals([...given], []);
  const { read_timeout_ms, write_timeout_ms, idle_timeout_ms, max_connections } = config.ipc;
  assertEquals({
    readTimeoutMs: read_timeout_ms,
    writeTimeoutMs: write_timeout_ms,
    idleTimeoutMs: idle_timeout_ms,
    maxConnections: max_connections,
  }, DEFAULT_LIMITS);
  assertEquals<object>(config.license, {});
  assertEquals(config.logging.level, "info");
});

Deno.test("relative paths resolve against the file's directory, absolute ones stay", () => {
  const { config } = parseConfig(
    '[license]\npath = "acme.lic"\nstate_dir = "../state"\n[software]\npath = "/opt/acme"\n',
    FILE,
  );
  assertEquals<object>(config.license, { path: "/etc/acme/acme.lic", state_dir: "/etc/state" });
  assertEquals(config.software.path, "/opt/acme");
});

Deno.test("keys set by the file are distinguished from defaults", () => {
  const { given } = parseConfig("[ipc]\nmax_connections = 5\n[server]\n", FILE);
  assertEquals([...given], ["ipc", "ipc.max_connections", "server"]);
});

Deno.test("every mistake is reported at once, with key, value and what is allowed", () => {
  const text = `
level = "debug"
[ipc]
peer = "everyone"
pear = "user"
max_connections = 0
read_timeout_ms = 1.5
[software]
args = ["a", 5]
path = ""
[software.env]
TOKEN = 12345
SENTINEL_IPC_SOCKET = "x"
[server]
enabled = true
prot = 8443
certificate = "a.pem"
[shutdown]
timeout_ms = "30s"
[helth]
`;
  assertEquals(
    mistakesOf(text),
    [
      'unknown key level (did you mean logging.level?): current value is "debug"',
      "unknown table [helth] (did you mean [health]?)",
      'software.path must be a path: current value is ""',
      "software.args[1] must be text: current value is 5",
      "software.env.TOKEN must be text: current value is hidden (a number)",
      "software.env.SENTINEL_IPC_SOCKET must be left unset, as sentinel sets it itself: " +
      "current value is hidden (a string)",
      'unknown key ipc.pear (did you mean ipc.peer?): current value is "user"',
      'ipc.peer must be one of user, child: current value is "everyone"',
      "ipc.read_timeout_ms must be a whole number from 0 to 86400000: current value is 1.5",
      "ipc.max_connections must be a whole number from 1 to 10000: current value is 0",
      "unknown key server.prot (did you mean server.port?): current value is 8443",
      "server.key is required with server.enabled = true: it is not set",
      "server.certificate_authority is required with server.enabled = true: it is not set",
      'shutdown.timeout_ms must be a whole number from 1 to 86400000: current value is "30s"',
    ].map((line) => `${FILE}: ${line}`),
  );
});

const WRONG: readonly (readonly [toml: string, mistake: string])[] = [
  ["[ipc]\nlevel = 1", "unknown key ipc.level (did you mean logging.level?): current value is 1"],
  ["server = 5", "server must be a table: current value is 5"],
  [
    "[[server]]\nport = 1\n[[server]]\nport = 2",
    'server must be a table: current value is [{"port":1},{"port":2}]',
  ],
  ["server = 2020-01-01", 'server must be a table: current value is "2020-01-01"'],
  [
    "[server]\nport = 65536",
    "server.port must be a whole number from 0 to 65535: current value is 65536",
  ],
  [
    "[server]\nport = nan",
    "server.port must be a whole number from 0 to 65535: current value is NaN",
  ],
  [
    "[server]\nport = inf",
    "server.port must be a whole number from 0 to 65535: current value is Infinity",
  ],
  ["[server]\nenabled = 1", "server.enabled must be true or false: current value is 1"],
  ["[software]\nenv = ['a']", 'software.env must be a table of variables: current value is ["a"]'],
  ["[software]\nargs = 'a'", 'software.args must be a list of texts: current value is "a"'],
  [
    "[license]\nserver_url = 'ftp://x'",
    'license.server_url must be an http(s) URL: current value is "ftp://x"',
  ],
  [
    "[health]\nlisten = '7890'",
    'health.listen must be HOST:PORT, such as 127.0.0.1:7890: current value is "7890"',
  ],
  [
    "[health]\nprobe = 'http:x'",
    'health.probe must be none, ipc, tcp:HOST:PORT, http:URL or exec:CMD: current value is "http:x"',
  ],
  [
    "[health]\nprobe = 'tcp:127.0.0.1:0'",
    'health.probe must be none, ipc, tcp:HOST:PORT, http:URL or exec:CMD: current value is "tcp:127.0.0.1:0"',
  ],
  [
    "[health]\nprobe = 'exec: '",
    'health.probe must be none, ipc, tcp:HOST:PORT, http:URL or exec:CMD: current value is "exec: "',
  ],
  [
    "[security]\numask = 512",
    "security.umask must be a whole number from 0 to 511: current value is 512",
  ],
  [
    "[security]\nallowed_capabilities = ['net']",
    "security.allowed_capabilities[0] must be a capability name, such as CAP_NET_BIND_SERVICE: " +
    'current value is "net"',
  ],
  [
    "[security]\ndrop_capabilities = false\nallowed_capabilities = ['CAP_CHOWN']",
    "security.allowed_capabilities is for security.drop_capabilities = true: current value is false",
  ],
  [
    `[license]\npath = "${"x".repeat(200)}\\u0000"`,
    `license.path must be a path: current value is "${"x".repeat(79)}…`,
  ],
];

for (const [toml, mistake] of WRONG) {
  Deno.test(`parseConfig() refuses ${JSON.stringify(toml).slice(0, 70)}`, () => {
    assertEquals(mistakesOf(toml), [`${FILE}: ${mistake}`]);
  });
}

const HEALTH = [
  ["listen", "[::1]:7890"],
  ["listen", "localhost:0"],
  ["probe", "ipc"],
  ["probe", "tcp:127.0.0.1:80"],
  ["probe", "http:http://127.0.0.1:8080/up"],
  ["probe", "exec:check --all"],
] as const;

for (const [key, value] of HEALTH) {
  Deno.test(`parseConfig() accepts [health] ${key} = ${value}`, () => {
    const { config } = parseConfig(`[health]\n${key} = "${value}"`, FILE);
    assertEquals(config.health[key], value);
  });
}

Deno.test("text that is not TOML is reported with line and column, but not quoted", () => {
  assertEquals(mistakesOf("[software.env]\nTOKEN = secret\n"), [
    `${FILE}:2:9: not TOML: invalid value`,
  ]);
  const [line] = mistakesOf(`a = ${"[".repeat(20_000)}`);
  assert(line?.startsWith(`${FILE}:1:`), line);
});

Deno.test("a repeated key is reported with its line, beside the other mistakes", () => {
  assertEquals(mistakesOf("[ipc]\npeer = 'user'\n\npeer = 'all'\n"), [
    `${FILE}:4: ipc.peer is set a second time`,
    `${FILE}: ipc.peer must be one of user, child: current value is "all"`,
  ]);
  assertEquals(mistakesOf("[ipc]\n[server]\n[ipc]\n"), [
    `${FILE}:3: [ipc] is set a second time`,
  ]);
});

const REPEATED: readonly (readonly [string, string, readonly string[]])[] = [
  ["the same key in two tables", "[a]\nx = 1\n[b]\nx = 1\n", []],
  ["a key twice", "x = 1\nx = 2", ["2: x"]],
  ["a key three times", "x = 1\nx = 2\nx = 3", ["2: x", "3: x"]],
  ["a key three times on a line", "x = { y = 1, y = 2, y = 3 }", ["1: x.y", "1: x.y"]],
  ["a quoted and a bare key", '[a]\n"x" = 1\nx = 2\n', ["3: a.x"]],
  ["a dotted key and one in its table's table", "[a]\nb.c = 1\nb . c = 2\n", ["3: a.b.c"]],
  ["a table twice, and a key before it", "x = 1\nx = 1\n[a]\n[ a ]\n", ["2: x", "4: [a]"]],
  ["a key twice in a repeated table", "[a]\n[a]\nx = 1\nx = 1\n", ["2: [a]", "4: a.x"]],
  ["keys in a string over lines", 'x = """\nx = 1\nx = 2"""\ny = 1\ny = 2\n', ["5: y"]],
  ["keys in a literal string over lines", "x = '''\ny = 1\n'''\ny = 1\n", []],
  ["a list over lines", "x = [\n  1, # x = 2\n  2,\n]\nx = 3\n", ["5: x"]],
  ["brackets in strings and comments", "x = '['\n# [\ny = \"{\"\ny = 1\n", ["4: y"]],
  ["lists of tables", "[[a]]\nx = 1\n[[a]]\nx = 1\n", []],
  ["a list of tables after a table", "[a]\n[[a]]\n", ["2: [a]"]],
  ["Windows line ends", "[a]\r\nx = 1\r\nx = 2\r\n", ["3: a.x"]],
];

for (const [what, toml, expected] of REPEATED) {
  Deno.test(`parseConfig() of ${what} reports the repeated keys`, () => {
    const again = mistakesOf(toml).filter((line) => line.endsWith(" is set a second time"));
    assertEquals(again, expected.map((key) => `${FILE}:${key} is set a second time`));
  });
}

Deno.test("beyond the limit of repeated keys, one more is reported", () => {
  assertEquals(mistakesOf("x = 1\n".repeat(5000)), [
    `${FILE}:22:1: not TOML: trying to redefine an already defined table or value`,
  ]);
});

Deno.test("a number beyond the safe integers is shown as written", () => {
  assertEquals(mistakesOf("[server]\nport = 9007199254740993"), [
    `${FILE}: server.port must be a whole number from 0 to 65535: current value is 9007199254740993`,
  ]);
});

Deno.test("a key that names an inherited property is unknown like any other", () => {
  assertEquals(mistakesOf("[constructor]\n[ipc]\ntoString = 1"), [
    `${FILE}: unknown table [constructor] (did you mean [server]?)`,
    `${FILE}: unknown key ipc.toString (did you mean ipc.location?): current value is 1`,
  ]);
});

Deno.test("loadConfig() says in one line why a file cannot be read", async () => {
  await using folder = await temporaryFolder();
  const message = async (name: string) =>
    (await assertRejects(() => loadConfig(folder.at(name)), ConfigFileError)).message;
  await Deno.mkdir(folder.at("folder"));
  await Deno.writeFile(folder.at("binary"), new Uint8Array([0xff, 0xfe]));
  await Deno.writeTextFile(folder.at("large"), "#".repeat(65_537));
  assertEquals(await message("absent"), `configuration file not found: ${folder.at("absent")}`);
  assertEquals(
    await message("folder"),
    `configuration file is a folder: ${folder.at("folder")}`,
  );
  assertEquals(
    await message("binary"),
    `configuration file is not UTF-8 text: ${folder.at("binary")}`,
  );
  assertEquals(
    await message("large"),
    `configuration file is larger than 65536 bytes: ${folder.at("large")}`,
  );
});

testWith(
  [POSIX],
  "loadConfig() reports the system's error for an impossible file name",
  async () => {
    const path = `/${"x".repeat(300)}`;
    const { message } = await assertRejects(() => loadConfig(path), ConfigFileError);
    assertMatch(message, /^configuration file cannot be read: .* \(.*\)$/);
  },
);

testWith([POSIX], "loadConfig() reads only regular files, since others may never end", async () => {
  const { message } = await assertRejects(() => loadConfig("/dev/null"), ConfigFileError);
  assertEquals(message, "configuration file is not a regular file: /dev/null");
});
