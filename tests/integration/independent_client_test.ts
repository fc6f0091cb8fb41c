// Not on Windows: it ends programs by POSIX signals.
import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { needsProgram, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { setUpVendor } from "../support/vendor_setup.ts";

const CLIENT = join(
  dirname(dirname(fromFileUrl(import.meta.url))),
  "fixtures",
  "independent_client.py",
);

interface Answer {
  readonly status: number;
  readonly payload: Record<string, unknown>;
}

/** The client as a process that gets one command at a time. */
function startClient(args: string[]): { call(name: string): Promise<Answer> } & AsyncDisposable {
  const child = new Deno.Command("python3", {
    args: [CLIENT, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = child.stdin.getWriter();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    async call(name) {
      await input.write(new TextEncoder().encode(name + "\n"));
      while (!text.includes("\n")) {
        const { value, done } = await output.read();
        if (done) throw new Error(`the client ended at ${name}`);
        text += value;
      }
      const end = text.indexOf("\n");
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      return JSON.parse(line);
    },
    async [Symbol.asyncDispose]() {
      await input.close().catch(() => undefined);
      await output.cancel();
      await child.status;
    },
  };
}

testWith(
  [needsProgram("python3"), needsProgram("openssl")],
  "a client in Python with openssl's keys is served from activation to revocation",
  async () => {
    await using folder = await temporaryFolder();
    await Deno.mkdir(folder.at("client"));
    const vendor = await setUpVendor(folder.path, { features: { name: "\u00e9\u{1f600}" } });
    await using server = await vendor.serve();
    const args = [server.url, vendor.publicKeyPath, "K1", folder.at("client")];
    await using client = startClient(args);
    const early = await client.call("heartbeat");
    assertEquals([early.status, early.payload["code"]], [404, "machine_unknown"]);
    const activated = await client.call("activate");
    assertEquals([activated.status, activated.payload["status"]], [200, "ACTIVE"]);
    assertEquals(activated.payload["features"], { name: "\u00e9\u{1f600}" });
    assertEquals((await client.call("heartbeat")).payload["status"], "ACTIVE");
    const machineId = String(activated.payload["machine_id"]);
    await vendor.administer("decommission", "K1", machineId);
    assertEquals((await client.call("heartbeat")).payload["decommission_pending"], true);
    await vendor.administer("revoke", "K1");
    const revoked = await client.call("heartbeat");
    assertEquals([revoked.status, revoked.payload["status"]], [200, "REVOKED"]);
    const left = await client.call("decommission-ack");
    assertEquals([left.status, left.payload["status"]], [200, "DECOMMISSIONED"]);
    const refused = await client.call("activate");
    assertEquals([refused.status, refused.payload["error"]], [403, "License has been revoked."]);
  },
);
