import { assertEquals } from "@std/assert";
import { ConnectionAdmission, namePeer, type Place } from "../../src/net/admission.ts";

/** An admission that records, in order, the connections that it closes and the peers that it refuses. */
function open({ connections = 4, perPeer = 2 } = {}) {
  const closed: string[] = [], refused: string[] = [];
  const admission = new ConnectionAdmission({
    limits: { connections, perPeer },
    onRefusal: (peer) => refused.push(peer),
  });
  let count = 0;
  /** Enters a connection, named after its peer and its number. */
  const enter = (peer: string): Place | undefined => {
    const name = `${peer}${++count}`;
    return admission.enter(peer, () => closed.push(name));
  };
  return { admission, enter, closed, refused };
}

Deno.test("a peer beyond its share loses the connection that has waited longest", () => {
  const { admission, enter, closed, refused } = open();
  for (let i = 0; i < 4; i++) enter("a");
  assertEquals([closed, refused, admission.size], [["a1", "a2"], ["a", "a"], 2]);
});

Deno.test("beyond the total the connection that has waited longest without a request gives way", () => {
  const { enter, closed, refused } = open({ connections: 3 });
  enter("a")!.hasAsked = true;
  for (const peer of ["b", "c", "a", "d"]) enter(peer);
  assertEquals([closed, refused], [["b2", "c3"], ["b", "c"]]);
});

Deno.test("a peer beyond its share loses a connection without a request first", () => {
  const { enter, closed } = open();
  enter("a")!.hasAsked = true;
  enter("a");
  enter("a");
  assertEquals(closed, ["a2"]);
});

Deno.test("if all have asked, the peer with most connections loses its oldest to a new one", () => {
  const { admission, enter, closed, refused } = open();
  for (const peer of ["b", "a", "a", "c"]) enter(peer)!.hasAsked = true;
  enter("d");
  assertEquals([closed, refused, admission.size], [["a2"], ["a"], 4]);
});

Deno.test("a connection is refused if all others are busy", () => {
  const { admission, enter, closed, refused } = open({ connections: 3 });
  const places = [enter("a"), enter("a"), enter("b")];
  for (const place of places) place!.isBusy = true;
  assertEquals([enter("a"), enter("c")], [undefined, undefined]);
  assertEquals([closed, refused, admission.size], [[], ["a", "c"], 3]);
});

Deno.test("a connection is refused if no peer has more than its own", () => {
  const { enter, closed } = open({ connections: 3 });
  for (const peer of ["a", "b", "c"]) enter(peer)!.hasAsked = true;
  assertEquals([enter("a"), closed], [undefined, []]);
  assertEquals([enter("d") !== undefined, closed], [true, ["a1"]]);
});

Deno.test("a connection that was busy has waited since its answer", () => {
  const { enter, closed } = open();
  const first = enter("a")!;
  enter("a");
  first.isBusy = true;
  first.isBusy = false;
  enter("a");
  assertEquals(closed, ["a2"]);
});

Deno.test("a place is freed once", () => {
  const { admission, enter } = open();
  const [place] = [enter("a")!, enter("b")];
  place.leave();
  place.leave();
  place.isBusy = true;
  place.isBusy = false;
  assertEquals(admission.size, 1);
});

for (
  const [address, peer] of [
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["::1", "0:0:0:0::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:DB8:0:0:1:2:3:4", "2001:db8:0:0::/64"],
    ["2001:0db8:1:2:ffff::", "2001:db8:1:2::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    [undefined, "unknown"],
  ] as const
) {
  Deno.test(`the peer at ${address} is ${peer}`, () => assertEquals(namePeer(address), peer));
}
