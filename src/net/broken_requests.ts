import type { Socket } from "node:net";

const ANSWERS: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
};

/**
 * Answers malformed HTTP and timeouts, if the socket is still writable, and closes it. For `clientError` of a `node:http`
 * server.
 */
export function answerBroken(error: NodeJS.ErrnoException, socket: Socket): void {
  const answer = ANSWERS[error.code ?? ""] ?? "400 Bad Request";
  if (socket.writable) {
    socket.end(`HTTP/1.1 ${answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }
  socket.destroySoon();
}
