// Not on Windows: it is about the sources, which are the same there.
import { assertEquals } from "@std/assert";
import { CLIENT_FAULTS } from "../../src/ipc/errors.ts";

Deno.test("DEVELOPMENT.md explains each error of the socket's client, and what to do", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/DEVELOPMENT.md", import.meta.url));
  const rows = [...text.matchAll(/^\| `([^`]+)` +\| [^|]*\w[^|]*\| [^|]*\w[^|]*\|$/gm)];
  const told = rows.map(([, message]) => message);
  assertEquals(Object.values(CLIENT_FAULTS).filter((message) => !told.includes(message)), []);
});
