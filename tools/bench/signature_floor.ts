import { sign as signSync, verify as verifySync } from "node:crypto";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { Buffer } from "node:buffer";
import { cpuUsage } from "node:process";

/**
 * The floor: how many times per CPU-second the bare runtime does one P-256 verification and one signature, by whichever of its
 * two ways is the faster. Prints `{"webCrypto": N, "nodeCrypto": N}`; the argument is the milliseconds for each.
 */
const ms = Number(Deno.args[0] ?? 1000);
const LANES = 32;
const ES256 = { name: "ECDSA", hash: "SHA-256" };
const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
  "sign",
  "verify",
]);
const data = crypto.getRandomValues(new Uint8Array(200));
const raw = new Uint8Array(await crypto.subtle.sign(ES256, pair.privateKey, data));

function cpuSeconds(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1e6;
}

async function measureWebCrypto(): Promise<number> {
  let count = 0;
  const end = performance.now() + ms, began = cpuSeconds();
  await Promise.all(Array.from({ length: LANES }, async () => {
    while (performance.now() < end) {
      await crypto.subtle.verify(ES256, pair.publicKey, raw, data);
      await crypto.subtle.sign(ES256, pair.privateKey, data);
      count++;
    }
  }));
  return count / (cpuSeconds() - began);
}

async function measureNodeCrypto(): Promise<number> {
  const privateKey = createPrivateKey({
    key: Buffer.from(await crypto.subtle.exportKey("pkcs8", pair.privateKey)),
    format: "der",
    type: "pkcs8",
  });
  const publicKey = createPublicKey({
    key: Buffer.from(await crypto.subtle.exportKey("spki", pair.publicKey)),
    format: "der",
    type: "spki",
  });
  const der = signSync("sha256", data, privateKey);
  let count = 0;
  const end = performance.now() + ms, began = cpuSeconds();
  while (performance.now() < end) {
    verifySync("sha256", data, publicKey, der);
    signSync("sha256", data, privateKey);
    count++;
  }
  return count / (cpuSeconds() - began);
}

const figures = { webCrypto: await measureWebCrypto(), nodeCrypto: await measureNodeCrypto() };
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(figures)));
