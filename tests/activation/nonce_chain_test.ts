import { assertEquals, assertNotEquals } from "@std/assert";
import { validate as isUuidV4 } from "@std/uuid/v4";
import { linkNonce, readLink } from "../../src/activation/nonce_chain.ts";

const ANSWERED = "0f1e2d3c-aaaa-4bbb-8ccc-dddddddddddd";

Deno.test("a nonce that names the last answered one is a UUID v4, and says which it was", () => {
  const fresh = crypto.randomUUID();
  const nonce = linkNonce(fresh, ANSWERED);
  assertEquals(isUuidV4(nonce), true);
  assertEquals(readLink(nonce), { name: fresh.slice(0, 8), answered: "0f1e2d3c" });
  assertEquals(readLink(nonce.toUpperCase()), readLink(nonce));
});

Deno.test("two requests after one answer have different nonces", () => {
  const link = () => linkNonce(crypto.randomUUID(), ANSWERED);
  assertNotEquals(link(), link());
});

Deno.test("before the first answer a nonce names none, as that of a client of version 0.1", () => {
  const fresh = "11111111-2222-4333-8444-555555555555";
  assertEquals(linkNonce(fresh, undefined), fresh);
  assertEquals(readLink(fresh), undefined);
});
