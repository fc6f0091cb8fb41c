/**
 * Strangers at a server until standard input ends. Arguments: host, port, path of a request, and how many are silent, slow and
 * flooding. Each has a loopback address of its own. Prints a line once all are there.
 */
import { connect, type Socket } from "node:net";

const [hostname = "", port = "", path = "", ...counts] = Deno.args;
const [silent = 0, slow = 0, flooding = 0] = counts.map(Number);

/** Time between two bytes of a slow peer. */
const SLOW_MS = 500;
/** Shortest time after which a peer whose connection was closed comes back. */
const RETURN_MS = 2_000;
/** Requests per second of a flooding peer. */
const RATE = 20;

const junk = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`;
const sockets = new Map<number, Socket>();

/** Connects from the address with this number, and again whenever the server closes. */
function join(number: number, greet: (socket: Socket) => void): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const localAddress = `127.1.${number >> 8}.${(number & 255) || 255}`;
  const open = () => {
    const socket = connect({ host: hostname, port: Number(port), localAddress });
    sockets.set(number, socket);
    socket.on("connect", () => {
      resolve();
      greet(socket);
    });
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.on("close", () => setTimeout(open, RETURN_MS * (1 + Math.random())));
  };
  open();
  return promise;
}

const beat = (everyMs: number, send: () => void) => void setInterval(send, everyMs);
const peers: Promise<void>[] = [];
for (let i = 0; i < silent + slow + flooding; i++) {
  const isSilent = i < silent, isSlow = i < silent + slow;
  peers.push(join(i, (socket) => {
    if (!isSilent && isSlow) socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nX-Slow: `);
  }));
  if (isSilent) continue;
  beat(isSlow ? SLOW_MS : 1_000 / RATE, () => sockets.get(i)?.write(isSlow ? "x" : junk));
}
await Promise.all(peers);
await Deno.stdout.write(new TextEncoder().encode("all are there\n"));
for await (const _ of Deno.stdin.readable);
Deno.exit();
