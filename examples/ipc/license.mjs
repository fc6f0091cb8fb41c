// Asks Sentinel for the license and checks it. Needs nothing beyond Node.
import { createPublicKey, randomUUID, verify } from "node:crypto";
import { createConnection } from "node:net";
import { createInterface } from "node:readline";
import { env } from "node:process";

const SOFTWARE_ID = "web";
// your org_public_key.pem
const VENDOR_KEY = createPublicKey(`-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEla9oy3WKaSea5YJoqIjKiheXWdPE
bFC6iFavK+6r6+HZzvjibzSUWOzXCAmyuCYDNyhupbU19+ex5OsF63J64w==
-----END PUBLIC KEY-----`);

async function ask(method, params) {
  const sentinel = createConnection(env.SENTINEL_IPC_SOCKET);
  sentinel.setTimeout(65_000, () => sentinel.destroy(new Error("sentinel does not answer")));
  sentinel.write(JSON.stringify({ method, params }) + "\n");
  try {
    for await (const line of createInterface({ input: sentinel })) return JSON.parse(line);
    throw new Error("sentinel closed the connection");
  } finally {
    sentinel.destroy();
  }
}

function openSigned({ payload, sig }) {
  const isGenuine = verify(
    "sha256",
    Buffer.from(payload),
    VENDOR_KEY,
    Buffer.from(sig, "base64url"),
  );
  if (!isGenuine) throw new Error("not signed by the vendor");
  return JSON.parse(Buffer.from(payload, "base64url"));
}

const nonce = randomUUID();
const { status, error, envelope, machine_id, answer, reason } = await ask("get_license", {
  proof: true,
  nonce,
});
if (status !== "ok") throw new Error(`no license: ${error}`);
const license = openSigned(envelope);
const today = new Date().toISOString().slice(0, 10);
if (license.software_id !== SOFTWARE_ID || license.expiry_date < today) {
  throw new Error("no license: it has expired, or is for another software");
}
if (answer === null) {
  // how long to go on without an answer is your decision
  console.error(`the license server did not answer: ${reason}`);
} else {
  const confirmed = openSigned(answer);
  const isConfirmed = confirmed.request_nonce === nonce && confirmed.status === "ACTIVE" &&
    confirmed.license_key === license.license_key && confirmed.machine_id === machine_id;
  if (!isConfirmed) throw new Error("no license: the license server does not confirm it");
}
console.log(license.license_key, JSON.stringify(license.features));
