/**
 * What a bare `node:https` server with client certificates does: `/health` answers, `/BYTES` streams so many. Arguments:
 * certificate, key, CA. Says its port.
 */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

const [certificate, key, authority] = Deno.args.map((path) => Deno.readTextFileSync(path));
const PIECE = new Uint8Array(256 * 1024);

const server = createServer({
  cert: certificate!,
  key: key!,
  ca: authority!,
  requestCert: true,
  rejectUnauthorized: true,
  minVersion: "TLSv1.3",
}, async (request, response) => {
  for (let left = Number(request.url!.slice(1)) || 0; left > 0; left -= PIECE.length) {
    if (!response.write(PIECE)) {
      await new Promise<void>((resolve) => response.once("drain", resolve));
    }
  }
  response.end();
});
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  Deno.stdout.writeSync(new TextEncoder().encode(`port ${port}\n`));
});
