// Not on Windows: it ends programs by POSIX signals.
/** A license server that accepts connections and answers late: a person who waits learns why. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { answerPayload, serveAnswers, signedAnswer } from "../support/license_server.ts";
import { makeOrganization, standardPayload } from "../support/organization.ts";
import { type RunningProgram, startProgram } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const LOG_FILE = "[logging]\nfile = 'd.log'\n";

/** The commands that wait for a server, with the rest of their configuration; each is waited for. */
const COMMANDS: Readonly<Record<string, { args: string[]; tables?: string; says: RegExp }>> = {
  "run": { args: ["run"], says: / WARNING: the license server is slow, / },
  "daemon start": {
    args: ["daemon", "start"],
    says: / WARNING: the license server is slow, /,
  },
  "daemon start with a log file": {
    args: ["daemon", "start"],
    tables: LOG_FILE,
    says: /^sentinel: warning: the license server is slow, /,
  },
  "doctor": { args: ["doctor"], says: /^the license server is slow, / },
};

for (const [name, { args, tables = "", says }] of Object.entries(COMMANDS)) {
  Deno.test(`${name} says after three seconds that the license server is slow`, async () => {
    await using folder = await temporaryFolder();
    const organization = await makeOrganization();
    const wasSlow = Promise.withResolvers<void>();
    await using server = serveAnswers(async (request) => {
      await wasSlow.promise;
      return await signedAnswer(organization, answerPayload(request));
    });
    const start = (...command: string[]): RunningProgram =>
      startProgram([...command, "--config", folder.at("c.toml")], {
        env: {
          SENTINEL_ORG_KEY: folder.at("org.pem"),
          ...{ XDG_RUNTIME_DIR: folder.path, XDG_STATE_HOME: folder.path },
        },
      });
    await Deno.writeTextFile(folder.at("org.pem"), organization.publicKeyPem);
    const license = await organization.license(standardPayload({ server_url: server.url }));
    await Deno.writeTextFile(folder.at("a.lic"), license);
    await Deno.writeTextFile(folder.at("software"), "#!/bin/sh\necho up\nexec sleep 1000\n", {
      mode: 0o755,
    });
    await Deno.writeTextFile(
      folder.at("c.toml"),
      `[license]\npath = "a.lic"\nstate_dir = "state"\n[software]\npath = "software"\n${tables}`,
    );
    await using program = start(...args);
    try {
      await program.stderr.match(says);
    } finally {
      wasSlow.resolve();
    }
    if (name === "run") {
      await program.stdout.match(/up/);
      program.kill("SIGTERM");
    }
    const { code, stderr } = await program.end();
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, `still waiting for its answer: ${server.url}`);
    if (args[0] !== "daemon") return;
    await using stop = start("daemon", "stop");
    assertEquals((await stop.end()).code, 0);
  });
}
