// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker has a certificate that may observe. He asks for processes whose ids are paths, to read what lies beside the
 * data folder: there, what another server recorded. Ids are numbers; a request's target is taken as it was sent, with nothing
 * decoded or resolved, and what reads records looks at ids once more.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Doubles } from "../support/doubles.ts";
import { PINNED_RUNTIME } from "../support/program.ts";
import { RemoteProgramHarness } from "../support/remote_program_harness.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

const REQUIREMENTS = [needsProgram("openssl"), PINNED_RUNTIME];

const IDS = [
  ...["..%2Fother%2F1", "..%2fother%2f1", "%2e%2e%2Fother%2F1", ".%2F..%2Fother%2F1"],
  ...["1%2F..%2F..%2Fother%2F1", "..%2Fother%2F1%00", "..\\other\\1", "%31", "01", "+1", "1.0"],
];

/** Beside the data folder lies another server's, in which process 1 wrote `secret`. */
async function setUp(): Promise<RemoteProgramHarness> {
  const setup = await RemoteProgramHarness.open();
  {
    await using other = await setup.serve();
    await setup.ops(other, "start", "--", "/bin/echo", "secret");
  }
  await Deno.rename(setup.dataDir, setup.folder.at("other"));
  return setup;
}

/** Asks for the output of these ids, as they are; the whole answers. */
async function read(setup: RemoteProgramHarness, ids: readonly string[], doubles?: Doubles) {
  await using serving = await setup.serve([], { doubles });
  const { certificate, key } = setup.files.watch;
  const answers: string[] = [];
  for (const id of ids) {
    using conn = await Deno.connectTls({
      hostname: "127.0.0.1",
      port: serving.port,
      caCerts: [await Deno.readTextFile(setup.authority.certificate)],
      cert: await Deno.readTextFile(certificate),
      key: await Deno.readTextFile(key),
    });
    const target = `/v1/processes/${id}/output`;
    const request = `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    await conn.write(new TextEncoder().encode(request));
    answers.push(await new Response(conn.readable).text());
  }
  return answers;
}

testWith(
  REQUIREMENTS,
  "an id that is a path finds nothing, unless any id is accepted",
  async () => {
    await using setup = await setUp();
    for (const answer of await read(setup, IDS)) {
      assertStringIncludes(answer, "HTTP/1.1 404 Not Found");
      assertEquals(answer.includes("secret"), false);
    }
    const [answer] = await read(setup, IDS, {
      "src/remote/routes.ts": "any_id_routes.ts",
      "src/process/records.ts": "any_id_records.ts",
    });
    assertStringIncludes(answer!, "HTTP/1.1 200 OK", "the attack");
    assertStringIncludes(answer!, "secret");
  },
);
