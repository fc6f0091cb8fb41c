import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { KeyCache } from "../../src/license_server/checks.ts";
import { makeMachine } from "../support/test_machine.ts";

Deno.test("a cached key is not imported again until it is evicted", async () => {
  const [a, b, c] = await Promise.all([makeMachine(), makeMachine(), makeMachine()]);
  const cache = new KeyCache(2);
  const first = await cache.find(a.publicKeyPem);
  const second = await cache.find(b.publicKeyPem);
  assertStrictEquals(await cache.find(a.publicKeyPem), first);
  await cache.find(c.publicKeyPem);
  assertStrictEquals(await cache.find(a.publicKeyPem), first, "it was used after b");
  assert(await cache.find(b.publicKeyPem) !== second, "b was used least recently");
});

Deno.test("a cached key verifies its own signatures and no others", async () => {
  const [a, b] = await Promise.all([makeMachine(), makeMachine()]);
  const cache = new KeyCache(2);
  const data = new Uint8Array([1]), signature = await a.sign(data);
  assertEquals(await (await cache.find(a.publicKeyPem))!(data, signature), true);
  assertEquals(await (await cache.find(b.publicKeyPem))!(data, signature), false);
});

Deno.test("text that is not a key is not cached, and evicts no key", async () => {
  const { publicKeyPem } = await makeMachine();
  const cache = new KeyCache(1);
  const known = await cache.find(publicKeyPem);
  assertEquals(await cache.find("no key"), undefined);
  assertStrictEquals(await cache.find(publicKeyPem), known);
});
