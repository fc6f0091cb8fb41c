import { assertEquals, assertThrows } from "@std/assert";
import { SocketPathError } from "../../src/ipc/errors.ts";
import {
  resolveSocketPath,
  resolveSocketPlaces,
  type SocketPathOptions,
} from "../../src/ipc/socket.ts";
import { POSIX, testWith } from "../support/requirements.ts";

const RUNTIME = "/run/user/1000";

function refusal(options: SocketPathOptions): [code: string, message: string] {
  const error = assertThrows(() => resolveSocketPath(options), SocketPathError);
  return [error.code, error.message];
}

testWith([POSIX], "resolveSocketPath() uses the session's folder if it exists", () => {
  const path = resolveSocketPath({ machineId: "m1", runtimeFolder: RUNTIME });
  assertEquals(path, "/run/user/1000/sentinel/sentinel-m1.sock");
});

testWith([POSIX], "resolveSocketPath() uses /tmp without a session's folder", () => {
  assertEquals(resolveSocketPath({ machineId: "m1" }), "/tmp/sentinel-m1.sock");
});

testWith([POSIX], "resolveSocketPath() uses /tmp if that is configured", () => {
  const path = resolveSocketPath({ machineId: "m1", runtimeFolder: RUNTIME, location: "tmp" });
  assertEquals(path, "/tmp/sentinel-m1.sock");
});

testWith(
  [POSIX],
  "resolveSocketPath() says that XDG_RUNTIME_DIR is not set if it is required",
  () => {
    const wrong = refusal({ machineId: "m1", location: "runtime" });
    assertEquals(wrong, ["config.ipc_path", "XDG_RUNTIME_DIR not set"]);
  },
);

testWith([POSIX], "resolveSocketPath() uses a configured path", () => {
  assertEquals(resolveSocketPath({ machineId: "m1", path: "/srv/x.sock" }), "/srv/x.sock");
});

testWith(
  [POSIX],
  "resolveSocketPath() allows 107 bytes on Linux and names the limit if there are more",
  () => {
    const path = "/" + "é".repeat(53);
    assertEquals(resolveSocketPath({ machineId: "m1", path, maxBytes: 107 }), path);
    const [code, message] = refusal({ machineId: "m1", path: path + "x", maxBytes: 107 });
    assertEquals(code, "config.ipc_path");
    assertEquals(message.endsWith("it has 108 bytes, the system's limit is 107"), true);
  },
);

testWith([POSIX], "resolveSocketPath() refuses a machine id that leads elsewhere", () => {
  assertEquals(refusal({ machineId: "../x" })[0], "config.ipc_path");
  assertEquals(refusal({ machineId: "" })[0], "config.ipc_path");
});

testWith(
  [POSIX],
  "resolveSocketPlaces() has a refuge only for a path in /tmp that it chose",
  () => {
    const privateFolder = "/home/a/.local/state/sentinel-drm";
    const refugeOf = (options: Partial<SocketPathOptions>) =>
      resolveSocketPlaces({ machineId: "m1", privateFolder, ...options }).refuge;
    assertEquals(refugeOf({}), `${privateFolder}/run/sentinel-m1.sock`);
    assertEquals(refugeOf({ runtimeFolder: RUNTIME }), undefined);
    assertEquals(refugeOf({ path: "/tmp/sentinel-m1.sock" }), undefined);
    assertEquals(refugeOf({ privateFolder: `/${"x".repeat(100)}`, maxBytes: 107 }), undefined);
  },
);
