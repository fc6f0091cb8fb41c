import type { Reading } from "./hardware.ts";

/** The lowest of the addresses (`3c:7c:3f:00:00:01`, lower case) that a maker gave to a single interface. */
export function lowestMakersAddress(addresses: readonly string[]): Reading {
  const [lowest] = addresses.filter(isMakersAddress).toSorted();
  return lowest === undefined
    ? { error: "no physical interface with a universally administered address" }
    : { value: lowest };
}

/** IEEE 802: bit 0 of the first octet is for groups, bit 1 for addresses that were given locally. */
function isMakersAddress(address: string): boolean {
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(address) || /^[0:]+$/.test(address)) return false;
  return (Number.parseInt(address.slice(0, 2), 16) & 0b11) === 0;
}
