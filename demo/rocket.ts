// deno-lint-ignore-file no-console -- this is the customer's software, which prints
/** The software of the demo: asks for its license, prints its features, and runs until it receives SIGTERM. */
const path = Deno.env.get("SENTINEL_IPC_SOCKET");
if (path === undefined) {
  console.error("rocket: no license, no flight: start me with `sentinel run`");
  Deno.exit(1);
}

using sentinel = await Deno.connect({ transport: "unix", path });
await sentinel.write(new TextEncoder().encode('{"method":"get_license"}\n'));
const answer = new Uint8Array(65_536);
const length = await sentinel.read(answer) ?? 0;
const { license } = JSON.parse(new TextDecoder().decode(answer.subarray(0, length)));

const { org_id, expiry_date, features } = license;
console.log(
  `rocket: licensed to ${org_id} until ${expiry_date}, features ${JSON.stringify(features)}`,
);

Deno.addSignalListener("SIGTERM", () => {
  console.log("rocket: stopping, landing");
  Deno.exit(0);
});
setInterval(() => {}, 60_000);
console.log("rocket: flying");
