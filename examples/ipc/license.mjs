// Asks Sentinel for the license. Needs nothing beyond Node.
import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { env, exit } from "node:process";

async function ask(method) {
  const sentinel = createConnection(env.SENTINEL_IPC_SOCKET);
  sentinel.setTimeout(65_000, () => sentinel.destroy(new Error("sentinel does not answer")));
  sentinel.write(JSON.stringify({ method }) + "\n");
  try {
    for await (const line of createInterface({ input: sentinel })) return JSON.parse(line);
    throw new Error("sentinel closed the connection");
  } finally {
    sentinel.destroy();
  }
}

const { status, error, license } = await ask("get_license");
if (status !== "ok") {
  console.error(`no license: ${error}`);
  exit(1);
}
console.log(license.license_key, JSON.stringify(license.features));
