/**
 * Loaded ahead of each test file (`deno test --preload`): a test that hangs fails its file, rather than holding up the run.
 * Whatever waits in a test has a shorter limit, and says what it waits for (`support/patience.ts`); this one is for the rest.
 * `TEST_LIMIT_S` sets another.
 */
const LIMIT_S = Number(Deno.env.get("TEST_LIMIT_S") ?? 240);

const { setTimeout, clearTimeout } = globalThis;
let timer: ReturnType<typeof setTimeout>;

Deno.test.beforeEach(() => {
  timer = setTimeout(() => {
    throw new Error(`the first of the tests that are cancelled now took longer than ${LIMIT_S} s`);
  }, LIMIT_S * 1000);
});

Deno.test.afterEach(() => clearTimeout(timer));
