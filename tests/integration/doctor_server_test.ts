// Not on Windows: it ends programs by POSIX signals.
// Compiled as well: it opens files, libraries and sockets with the permissions it was compiled with.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { arrange, assertFails, diagnose, findCheck } from "../support/diagnosis.ts";
import { answerPayload, serveAnswers, signedAnswer } from "../support/license_server.ts";
import { makeOrganization, standardPayload } from "../support/organization.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const organization = await makeOrganization();
const stranger = await makeOrganization();

const UNREACHABLE: [string, string, string][] = [
  ["a name that nobody has", "dns", "https://licenses.invalid"],
  ["a port where nobody listens", "tcp", "http://127.0.0.1:1"],
];

for (const [what, check, url] of UNREACHABLE) {
  Deno.test(`${what} fails the line ${check}, and the later ones are not tried`, async () => {
    await using folder = await temporaryFolder();
    const args = await arrange(folder, organization, standardPayload({ server_url: url }));
    const diagnosis = await diagnose(args, { XDG_RUNTIME_DIR: folder.path });
    assertFails(diagnosis, check);
    assertEquals(diagnosis.code, 82);
    for (const later of ["http", "signature", "clock"]) {
      assertEquals(findCheck(diagnosis, later).found, `${check} failed`);
    }
  });
}

const ANSWERS: [string, string, Parameters<typeof serveAnswers>[0]][] = [
  ["a server out of order", "http", () => new Response("oops", { status: 500 })],
  ["a proxy that asks for a login", "http", () => new Response("", { status: 407 })],
  [
    "the login page of a network",
    "http",
    () => new Response("", { status: 302, headers: { location: "http://login.example/?a=b" } }),
  ],
  ["a stranger's web server", "signature", () => new Response("<html>", { status: 404 })],
  [
    "a refusal without signature",
    "signature",
    () => Response.json({ error: "no" }, { status: 403 }),
  ],
  [
    "an answer that another organization signed",
    "signature",
    (request) => signedAnswer(stranger, answerPayload(request)),
  ],
  ["a server of another time", "clock", async (request) => {
    const answer = await signedAnswer(organization, answerPayload(request));
    answer.headers.set("date", new Date(Date.now() - 3_600_000).toUTCString());
    return answer;
  }],
];

for (const [what, check, answer] of ANSWERS) {
  Deno.test(`${what} fails the line ${check}`, async () => {
    await using folder = await temporaryFolder();
    await using server = serveAnswers(answer);
    const args = await arrange(folder, organization, standardPayload({ server_url: server.url }));
    const diagnosis = await diagnose(args, { XDG_RUNTIME_DIR: folder.path });
    assertFails(diagnosis, check);
    // an unsigned refusal ends an activation
    assertEquals(diagnosis.code, what === "a refusal without signature" ? 81 : 82);
  });
}

Deno.test("a server without TLS fails the line tls", async () => {
  await using folder = await temporaryFolder();
  await using server = serveAnswers(() => new Response());
  const url = server.url.replace("http:", "https:");
  const args = await arrange(folder, organization, standardPayload({ server_url: url }));
  const diagnosis = await diagnose(args, { XDG_RUNTIME_DIR: folder.path });
  assertFails(diagnosis, "tls");
  assertEquals(diagnosis.code, 82);
});

Deno.test("a proxy is connected to first, and its URL's password is not shown", async () => {
  await using folder = await temporaryFolder();
  const payload = standardPayload({ server_url: "http://licenses.invalid" });
  const diagnosis = await diagnose(await arrange(folder, organization, payload), {
    XDG_RUNTIME_DIR: folder.path,
    HTTP_PROXY: "http://user:secret@127.0.0.1:1",
  });
  assertFails(diagnosis, "tcp");
  assertStringIncludes(
    findCheck(diagnosis, "tcp").found,
    "proxy 127.0.0.1:1 cannot be reached",
  );
  assert(!JSON.stringify(diagnosis).includes("secret"));
});
