// Not on Windows: it ends programs by POSIX signals.
// Compiled as well: service managers start the executable.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createOwnershipMark } from "../../src/service/owner.ts";
import { NOBODY } from "../support/daemon_of_nobody.ts";
import { OTHER_USERS } from "../support/other_user.ts";
import { type ProgramResult, runProgram } from "../support/program.ts";
import { programForAll } from "../support/program_for_all.ts";
import { needsProgram, POSIX, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

const CONFIG = `
[license]
path = "/etc/rocket/rocket.lic"
state_dir = "/var/lib/rocket"
[software]
path = "/opt/rocket 100%/rocket"
[process]
user = "rocket"
[logging]
file = "/var/log/rocket/sentinel.log"
`;

async function service(
  folder: TemporaryFolder,
  command: string,
  ...args: string[]
): Promise<ProgramResult> {
  await Deno.writeTextFile(folder.at("it's $5.toml"), CONFIG);
  return await runProgram(["service", command, ...args, "--config", folder.at("it's $5.toml")]);
}

testWith(
  [needsProgram("systemd-analyze")],
  "systemd takes the unit, and finds it safe",
  async () => {
    await using folder = await temporaryFolder();
    const { code, stdout, stderr } = await service(folder, "print", "systemd");
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, "ReadWritePaths=-/var/lib/rocket -/var/log/rocket\n");
    assertStringIncludes(stdout, "\nUser=rocket\n");
    assertStringIncludes(stdout, `--config "${folder.path}/it's $$5.toml"`);
    const unit = folder.at("sentinel-rocket.service");
    await Deno.writeTextFile(unit, stdout);
    assertEquals(await runTool("systemd-analyze", "verify", unit), "");
    const verdict = await runTool(
      "systemd-analyze",
      "security",
      "--offline=true",
      "--no-pager",
      unit,
    );
    const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(verdict)!;
    assert(Number(exposure) <= 3.5, verdict);
  },
);

Deno.test("the unit leaves the capabilities that the configuration allows, and no other", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("c.toml");
  const security = '[security]\nallowed_capabilities = ["CAP_NET_BIND_SERVICE", "CAP_KILL"]\n';
  await Deno.writeTextFile(path, CONFIG + security);
  const { stdout } = await runProgram(["service", "print", "systemd", "--config", path]);
  assertStringIncludes(stdout, "\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_KILL\n");
  assertStringIncludes(stdout, "\nAmbientCapabilities=CAP_NET_BIND_SERVICE CAP_KILL\n");
});

testWith([needsProgram("python3")], "the plist is one, with the command word by word", async () => {
  await using folder = await temporaryFolder();
  const { stdout } = await service(folder, "print", "launchd");
  await Deno.writeTextFile(folder.at("x.plist"), stdout);
  const json = await runTool(
    "python3",
    "-c",
    "import plistlib,json,sys; print(json.dumps(plistlib.load(open(sys.argv[1],'rb'))))",
    folder.at("x.plist"),
  );
  const plist = JSON.parse(json);
  assertEquals([plist.Label, plist.UserName, plist.RunAtLoad], ["sentinel.rocket", "rocket", true]);
  assertEquals(plist.ProgramArguments.slice(-5), [
    ...["daemon", "start", "--service", "--config", folder.at("it's $5.toml")],
  ]);
});

testWith([POSIX], "for Windows the commands are printed, and cannot be installed", async () => {
  await using folder = await temporaryFolder();
  const { stdout } = await service(folder, "print", "windows");
  assertStringIncludes(stdout, "sc.exe create sentinel-rocket binPath= ");
  const { code, stderr } = await service(folder, "install", "windows");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "run the commands that `sentinel service print windows` prints");
});

Deno.test("a service is installed, installed again and uninstalled; a foreign file is kept", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("sentinel-rocket.service");
  const out = ["systemd", "--out", folder.path];
  for (let i = 0; i < 2; i++) {
    const { code, stdout } = await service(folder, "install", ...out);
    assertEquals([code, stdout], [
      0,
      `${path} written\nnext: systemctl daemon-reload && systemctl enable --now sentinel-rocket.service\n`,
    ]);
  }
  assertEquals((await service(folder, "uninstall", ...out)).stdout, `${path} removed\n`);
  assertEquals((await service(folder, "uninstall", ...out)).stdout, `${path} does not exist\n`);
  await Deno.writeTextFile(path, "[Unit]\n");
  for (const command of ["install", "uninstall"]) {
    const { code, stderr } = await service(folder, command, ...out);
    assertEquals([code, stderr], [
      2,
      `sentinel: error: ${path} was not written by sentinel: remove it first\n`,
    ]);
  }
  assertEquals(await Deno.readTextFile(path), "[Unit]\n");
});

Deno.test("a second service of the same software needs a name of its own, and leaves the first alone", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("second.toml"), CONFIG);
  const second = async (command: string, ...args: string[]) => {
    const config = ["--config", folder.at("second.toml")];
    return await runProgram(["service", command, "systemd", ...config, ...args]);
  };
  const out = ["--out", folder.path];
  const path = folder.at("sentinel-rocket.service");
  await service(folder, "install", "systemd", ...out);
  const unit = await Deno.readTextFile(path);
  for (const command of ["install", "uninstall"]) {
    const { code, stderr } = await second(command, ...out);
    assertEquals([code, stderr], [
      2,
      `sentinel: error: ${path} is the service of ${
        folder.at("it's $5.toml")
      }: give this one another name (--service-name)\n`,
    ]);
  }
  assertEquals(await Deno.readTextFile(path), unit);
  const named = folder.at("sentinel-rocket-2.service");
  const { stdout } = await second("install", ...out, "--service-name", "rocket-2");
  assertStringIncludes(stdout, `${named} written\n`);
  assertStringIncludes(await Deno.readTextFile(named), "\nStateDirectory=sentinel/rocket-2\n");
  const removed = await second("uninstall", ...out, "--service-name", "rocket-2");
  assertEquals(removed.stdout, `${named} removed\n`);
});

Deno.test("a service's name that not every service manager takes is refused", async () => {
  await using folder = await temporaryFolder();
  for (const name of ["../x", "-x", "a b", "x".repeat(33)]) {
    const { code, stderr } = await service(folder, "print", "systemd", `--service-name=${name}`);
    assertEquals(code, 2);
    assertStringIncludes(
      stderr,
      "--service-name must be at most 32 letters, digits and . _ -",
    );
  }
});

Deno.test("a service with a root folder of its own is refused, and can be uninstalled", async () => {
  await using folder = await temporaryFolder();
  const config = folder.at("c.toml"), unit = folder.at("sentinel-rocket.service");
  await Deno.writeTextFile(config, `${CONFIG}[security]\nchroot_directory = "/srv/jail"\n`);
  const service = (...args: string[]) => runProgram(["service", ...args, "--config", config]);
  for (const args of [["print", "systemd"], ["install", "launchd", "--out", folder.path]]) {
    const { code, stdout, stderr } = await service(...args);
    assertEquals([code, stdout, stderr], [
      2,
      "",
      "sentinel: error: security.chroot_directory is for a daemon that root starts, and a service is started as " +
      "process.user: leave it out (systemd has RootDirectory= for it)\n",
    ]);
  }
  await Deno.writeTextFile(unit, `# ${createOwnershipMark(config)}\n`);
  const { stdout } = await service("uninstall", "systemd", "--out", folder.path);
  assertEquals(stdout, `${unit} removed\n`);
});

testWith(
  [OTHER_USERS],
  "the error for an unprivileged install says which user can install",
  async () => {
    await using folder = await temporaryFolder();
    await Deno.chmod(folder.path, 0o755);
    await Deno.mkdir(folder.at("cache"));
    await Deno.chown(folder.at("cache"), NOBODY, NOBODY);
    await Deno.writeTextFile(folder.at("c.toml"), CONFIG);
    const { code, stderr } = await runProgram(
      ["service", "install", "systemd", "--out", folder.path, "--config", folder.at("c.toml")],
      {
        copy: await programForAll(),
        env: { DENO_DIR: folder.at("cache") },
        wrapper: ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"],
      },
    );
    assertEquals([code, stderr], [
      86,
      `sentinel: error: ${folder.at("sentinel-rocket.service")} cannot be written: run as root\n`,
    ]);
  },
);

Deno.test("a configuration that names no software is none for a service", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("empty.toml");
  await Deno.writeTextFile(path, "");
  for (const command of ["print", "install", "uninstall"]) {
    const { code, stderr } = await runProgram(["service", command, "systemd", "--config", path]);
    assertEquals([code, stderr], [
      2,
      `sentinel: error: ${path} names no software: software.path is required\n`,
    ]);
  }
});

Deno.test("an unknown service manager is named, with the nearest one", async () => {
  await using folder = await temporaryFolder();
  const { code, stderr } = await service(folder, "print", "sytemd");
  assertEquals([code, stderr], [
    2,
    "sentinel: error: unknown service manager: sytemd (did you mean systemd?)\n",
  ]);
});
