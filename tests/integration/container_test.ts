// Not on Windows: it makes containers of Linux' namespaces.
/** Each command of docs/CONTAINERS.md: read-only root, no machine id, `HOME=/`, and one volume for the state. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Container, type ContainerImage, CONTAINERS } from "../support/container.ts";
import { DOCKER_LINES, readImageFile } from "../support/container_page.ts";
import { FROM_SOURCE } from "../support/program.ts";
import { testWith } from "../support/requirements.ts";
import { RunHarness } from "../support/run_harness.ts";
import { runTool } from "../support/run_tool.ts";

// the bundle is tested in either case
const NEEDS = [CONTAINERS, FROM_SOURCE];

const [RUN_TEXT, RUN_FILE, ...EXECS] = DOCKER_LINES as [string, string, ...string[]];
const DEACTIVATE = EXECS.pop()!, STOP = EXECS.pop()!;

/** A vendor, an image and a volume of its customer's; the software is a shell script. */
async function makeImage(
  base: RunHarness,
  { software }: { software: string },
): Promise<ContainerImage> {
  const { at } = base.folder;
  const image = readImageFile();
  for (const step of image.steps) {
    await runTool("sh", "-c", step.replaceAll("/state", at("volume")));
  }
  await base.script("rocket", software);
  for (const name of ["rocket", "K1.lic", "org_public_key.pem"]) {
    await Deno.chmod(at(name), name === "rocket" ? 0o755 : 0o644);
  }
  return {
    ...image,
    files: new Map([
      ["/opt/rocket/rocket", at("rocket")],
      ["/org_public_key.pem", at("org_public_key.pem")],
    ]),
    volumes: new Map([["rocket-state", at("volume")], ["./rocket.lic", at("K1.lic")]]),
    env: new Map([["SENTINEL_LICENSE_TEXT", await Deno.readTextFile(at("K1.lic"))]]),
  };
}

/** The vendor's program has its key built in. */
function withKey(line: string): string {
  return line.replace("docker run", "docker run --env SENTINEL_ORG_KEY=/org_public_key.pem");
}

testWith(
  NEEDS,
  "a container that is recreated ten times needs one seat and one volume, and keeps its grace",
  async () => {
    await using base = await RunHarness.open("--max-machines", "1");
    const image = await makeImage(base, { software: "exit 3" });
    for (let time = 0; time < 10; time++) {
      const { code, stderr } = await Container.run(
        withKey(RUN_FILE).replace("--env", "--env SENTINEL_LOG_LEVEL=warn --env"),
        image,
      );
      assertEquals([code, stderr], [3, ""]);
    }
    assertEquals((await base.machines()).map(({ status }) => status), ["ACTIVE"]);
    await base.stopServer();
    const { code, stderr } = await Container.run(withKey(RUN_FILE), image);
    assertEquals(code, 3, stderr);
    assertStringIncludes(stderr, "operating under grace period (604800 seconds remaining)");
  },
);

testWith(
  NEEDS,
  "a container answers its health check, reaps orphans, stops in order and gives its seat back",
  async () => {
    await using base = await RunHarness.open("--max-machines", "1");
    const image = await makeImage(base, {
      software: `trap 'echo stopped; exit 0' TERM
orphan=$(sh -c 'sleep 0.1 >/dev/null & echo $!')
while kill -0 $orphan 2>/dev/null; do sleep 0.1; done
echo reaped; while :; do sleep 0.1; done`,
    });
    {
      await using container = await Container.start(withKey(RUN_TEXT), image);
      const { program } = container;
      await program.stdout.match(/reaped/);
      const commands = EXECS.map((line) => line.split(" ").slice(3));
      for (const command of [image.healthCheck, ...commands]) {
        const { code, stdout, stderr } = await container.exec(command);
        assertEquals([command, code, stderr], [command, 0, ""], stdout);
      }
      assertEquals(STOP.split(" ").slice(0, 2), ["docker", "stop"]);
      Deno.kill(await container.firstProcess(), "SIGTERM");
      const { code, stdout, stderr } = await program.end();
      assertEquals([code, stdout], [0, "reaped\nstopped\n"], stderr);
      assertStringIncludes(stderr, "Received signal SIGTERM, shutting down...");
    }
    const { code, stderr } = await Container.run(withKey(DEACTIVATE), image);
    assertEquals([code, stderr], [0, ""]);
    assertEquals((await base.machines()).filter(({ status }) => status === "ACTIVE"), []);
  },
);

for (
  const [what, option, code, says] of [
    ["volume for the state", "--volume rocket-state:/state ", 2, "state folder cannot be used: "],
    ["place for the socket", "--tmpfs /tmp:mode=1777 ", 86, "Cannot put a socket into /tmp: "],
  ] as const
) {
  testWith(NEEDS, `a container without a ${what} says so, and takes no seat`, async () => {
    await using base = await RunHarness.open();
    const image = await makeImage(base, { software: "exit 3" });
    assertStringIncludes(RUN_TEXT, option);
    const result = await Container.run(withKey(RUN_TEXT.replace(option, "")), image);
    assertEquals(result.code, code, result.stderr);
    assertStringIncludes(result.stderr, says);
    assertEquals(await base.machines(), []);
  });
}
