import { tmpdir } from "node:os";

/**
 * A port of loopback that nobody has, outside the range that systems give to clients, so that it stays free between a
 * server's end and its next start. No other test is given it before the last one of this file is over.
 */
export function freePort(): number {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (isFree(port) && reserve(port)) return port;
  }
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** Files of tests run side by side, and two of them would draw the same number now and then. */
function reserve(port: number): boolean {
  const path = `${tmpdir()}/sentinel-test-port-${port}`;
  try {
    Deno.mkdirSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
  globalThis.addEventListener("unload", () => Deno.removeSync(path));
  return true;
}
