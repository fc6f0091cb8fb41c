import { assertEquals } from "@std/assert";
import { LruCache } from "../../src/core/lru_cache.ts";

Deno.test("the least recently used value is evicted first, and get() counts as a use", () => {
  const cache = new LruCache<string, number>(2);
  cache.set("a", 1);
  cache.set("b", 2);
  assertEquals(cache.get("a"), 1);
  cache.set("c", 3);
  assertEquals([cache.get("a"), cache.get("b"), cache.get("c")], [1, undefined, 3]);
});

Deno.test("setting a value again evicts no other", () => {
  const cache = new LruCache<string, number>(2);
  cache.set("a", 1);
  cache.set("b", 2);
  cache.set("b", 3);
  assertEquals([cache.get("a"), cache.get("b")], [1, 3]);
});
