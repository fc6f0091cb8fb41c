// On Windows, with the services: they take longer, and change the system.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openLibraries } from "../support/open_libraries.ts";
import { programLine, type ProgramResult, resultOf } from "../support/program.ts";
import { type Requirement, testWith, WINDOWS } from "../support/requirements.ts";
import { isThere, STAY, WindowsHarness } from "../support/windows_harness.ts";

openLibraries();

/** winerror.h: a service that takes no such request at this time; one that does not exist. */
const CANNOT_ACCEPT = 1061, DOES_NOT_EXIST = 1060;

/** Wine's sc.exe knows no `config`. */
const SERVICE_CHANGES: Requirement = {
  need: "an sc.exe that changes services",
  met: WINDOWS.met && new Deno.Command("sc.exe", {
        args: ["config", "sentinel-none", "start=", "auto"],
        stdout: "null",
        stderr: "null",
      }).outputSync().code === DOES_NOT_EXIST,
};

/** Only an administrator can change services; `net session` fails for others. */
const ADMINISTRATOR: Requirement = {
  need: "an administrator",
  met: WINDOWS.met &&
    new Deno.Command("net.exe", { args: ["session"], stdout: "null", stderr: "null" })
      .outputSync().success,
};

/** What it is called after: the software, which is the runtime. */
const NAME = "sentinel-deno.exe";

const manager = (...args: string[]) => resultOf("sc.exe", { args });

/** `sentinel service …`; whoever it starts finds the modules where we do. */
async function service(harness: WindowsHarness, ...args: string[]): Promise<ProgramResult> {
  const folder = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("LOCALAPPDATA")}\\deno`;
  await Deno.writeTextFile(harness.at("env"), `DENO_DIR=${folder.replaceAll("\\", "\\\\")}\n`);
  const [runtime, first, ...rest] = programLine([
    ...["service", ...args, "windows", "--config", harness.at("sentinel.toml")],
    ...["--org-key", harness.at("org_public_key.pem")],
  ]);
  return await resultOf(runtime!, { args: [first!, `--env-file=${harness.at("env")}`, ...rest] });
}

/** The installed service, gone at the end. */
async function install(harness: WindowsHarness): Promise<AsyncDisposable> {
  // a service has another user's folders
  await harness.configure('[process]\npid_file = "daemon.pid"');
  const { code, stdout, stderr } = await service(harness, "install");
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout, `service ${NAME} installed\nnext: sc.exe start ${NAME}\n`);
  return {
    async [Symbol.asyncDispose]() {
      await stop();
      await manager("delete", NAME);
    },
  };
}

/** Asks until it is heard, and waits for the end. */
async function stop(): Promise<string> {
  let { code } = await manager("stop", NAME);
  while (code === CANNOT_ACCEPT) ({ code } = await manager("stop", NAME));
  return await stopped();
}

async function stopped(): Promise<string> {
  for (;;) {
    const { stdout } = await manager("query", NAME);
    if (/STATE +: 1 /.test(stdout)) return stdout;
  }
}

testWith(
  [WINDOWS, ADMINISTRATOR],
  "Windows: a service is installed, serves, is stopped with all of its software, and uninstalled",
  async () => {
    await using harness = await WindowsHarness.open(STAY);
    {
      await using _installed = await install(harness);
      const started = await manager("start", NAME);
      assertEquals(started.code, 0, started.stdout);
      const [software, child] = await harness.pids();
      assertMatch(await stop(), /WIN32_EXIT_CODE +: 0 /);
      assertEquals([await isThere(software), await isThere(child)], [false, false]);
      const log = await Deno.readTextFile(harness.at("d.log"));
      assertStringIncludes(log, "Received stop of the service, shutting down...");
      assertStringIncludes(log, "state: stopping -> stopped");
    }
    assertEquals((await service(harness, "uninstall")).stdout, `service ${NAME} does not exist\n`);
    await service(harness, "install");
    assertEquals((await service(harness, "uninstall")).stdout, `service ${NAME} removed\n`);
    assertEquals((await manager("query", NAME)).code, DOES_NOT_EXIST);
  },
);

testWith(
  [WINDOWS, ADMINISTRATOR, SERVICE_CHANGES],
  "Windows: installing a service again changes the existing one",
  async () => {
    await using harness = await WindowsHarness.open(STAY);
    await using _installed = await install(harness);
    const { code, stderr } = await service(harness, "install");
    assertEquals(code, 0, stderr);
  },
);

testWith(
  [WINDOWS, ADMINISTRATOR],
  "Windows: a service without a valid license reports its exit status to the manager",
  async () => {
    await using harness = await WindowsHarness.open(STAY);
    await using _installed = await install(harness);
    await Deno.writeTextFile(harness.at("K1.lic"), "{");
    await manager("start", NAME);
    assertMatch(await stopped(), /SERVICE_EXIT_CODE +: 80 /);
  },
);

testWith(
  [WINDOWS, ADMINISTRATOR],
  "Windows: a foreign service of the same name is not changed",
  async () => {
    await using harness = await WindowsHarness.open(STAY);
    assertEquals((await manager("create", NAME, "binPath=", "C:\\other.exe")).code, 0);
    try {
      for (const verb of ["install", "uninstall"]) {
        const { code, stderr } = await service(harness, verb);
        assertEquals([code, stderr], [
          2,
          `sentinel: error: service ${NAME} was not written by sentinel: remove it first\n`,
        ]);
      }
      assertEquals((await manager("query", NAME)).code, 0);
    } finally {
      await manager("delete", NAME);
    }
  },
);

testWith(
  [WINDOWS],
  "Windows: --service is an error unless a service manager started the program",
  async () => {
    await using harness = await WindowsHarness.open(STAY);
    const { code, stderr } = await harness.daemon("start", "--service");
    assertEquals([code, stderr], [
      2,
      "sentinel: error: the Windows service manager did not start this process: use --foreground instead of --service\n",
    ]);
  },
);
