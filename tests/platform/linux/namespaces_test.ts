import { assertEquals } from "@std/assert";
import {
  explainDistrust,
  findNamespace,
  isInitialUserNamespace,
  type Surroundings,
} from "../../../src/platform/linux/namespaces.ts";

const PROC = 0x9fa0n, SYSFS = 0x6265_6572n, TMPFS = 0x0102_1994n;
const INITIAL = "         0          0 4294967295\n";
const ROOTLESS = "         0       1000          1\n         1     100000      65536\n";

/** What rootless podman mounts. */
const PODMAN = [
  "600 500 0:50 / / rw,relatime - overlay overlay rw",
  "601 600 0:51 / /proc rw,nosuid - proc proc rw",
  "602 600 0:22 / /sys ro,nosuid - sysfs sysfs rw",
  "603 602 0:27 / /sys/fs/cgroup ro - cgroup2 cgroup2 rw",
  "604 600 0:52 /hosts /etc/hosts rw - tmpfs tmpfs rw",
  "605 601 0:53 / /proc/acpi ro - tmpfs tmpfs rw",
  "606 601 0:51 /sys /proc/sys ro - proc proc rw",
  "607 602 0:54 / /sys/devices/virtual/powercap ro - tmpfs tmpfs rw",
  "608 600 0:55 / /var rw master:3 - ext4 /dev/sda1 rw",
];

function surround(
  { map = ROOTLESS, mounts = PODMAN, types = {} }: {
    map?: string;
    mounts?: readonly string[];
    types?: Record<string, bigint | undefined>;
  } = {},
): Surroundings {
  return {
    fileSystem: (path) => path in types ? types[path] : path.startsWith("/sys/") ? SYSFS : PROC,
    read: (path) => path.endsWith("uid_map") ? map : mounts.map((mount) => `${mount}\n`).join(""),
  };
}

Deno.test("only the whole map of user ids is the initial namespace's", () => {
  assertEquals(isInitialUserNamespace(surround({ map: INITIAL })), true);
  assertEquals(isInitialUserNamespace(surround()), false);
  assertEquals(isInitialUserNamespace(surround({ map: "0 0 1\n" })), false);
});

Deno.test("a map that is not the kernel's is not believed, nor is a missing /proc", () => {
  const fake = { "/proc/self/uid_map": TMPFS };
  assertEquals(isInitialUserNamespace(surround({ map: INITIAL, types: fake })), false);
  const none = { "/proc/self/uid_map": undefined, "/proc/self": undefined };
  assertEquals(isInitialUserNamespace(surround({ types: none })), false);
});

Deno.test("a kernel without user namespaces has the initial one", () => {
  assertEquals(
    isInitialUserNamespace(surround({ types: { "/proc/self/uid_map": undefined } })),
    true,
  );
});

Deno.test("in the initial namespace every file is believed", () => {
  const surroundings = surround({ map: INITIAL, types: { "/proc/cpuinfo": TMPFS } });
  for (const path of ["/etc/machine-id", "/proc/cpuinfo", "/sys/class/net/eth0/address"]) {
    assertEquals(explainDistrust(path, surroundings), undefined);
  }
  assertEquals(findNamespace(surroundings), []);
});

Deno.test("a rootless container has no finding but its namespace", () => {
  assertEquals(findNamespace(surround()), [{
    kind: "user_namespace",
    message: "sentinel runs in a user namespace",
    evidence: "its uid_map is 0 1000 1 1 100000 65536",
  }]);
});

const DISTRUST = "the user namespace can show another file";

Deno.test("elsewhere, a fingerprint may use what the kernel shows, and no file that anybody can write", () => {
  assertEquals(explainDistrust("/etc/machine-id", surround()), DISTRUST);
  assertEquals(explainDistrust("/proc/cpuinfo", surround()), undefined);
  assertEquals(explainDistrust("/sys/class/net/eth0/address", surround()), undefined);
  assertEquals(
    explainDistrust("/sys/missing", surround({ types: { "/sys/missing": undefined } })),
    undefined,
  );
});

const COVERS: [name: string, path: string, options: Parameters<typeof surround>[0]][] = [
  ["of another file system", "/proc/cpuinfo", { types: { "/proc/cpuinfo": TMPFS } }],
  ["of the same tree, whatever its other name is", "/sys/class/dmi/id/product_uuid", {
    mounts: [
      ...PODMAN,
      "700 602 0:22 /devices/virtual/net/d0/ifalias /sys/devices/virtual/dmi/id/product_uuid rw - sysfs sysfs rw",
    ],
  }],
  ["of an older kernel's kind, with tags", "/sys/class/net/eth0/address", {
    mounts: [...PODMAN, "700 602 0:22 /x /sys/devices/y rw shared:1 master:2 - sysfs sysfs rw"],
  }],
  ["in a table that cannot be read", "/proc/cpuinfo", {
    mounts: ["?"],
    types: { "/proc/cpuinfo": TMPFS },
  }],
];

for (const [name, path, options] of COVERS) {
  Deno.test(`a cover ${name} is seen`, () => {
    assertEquals(explainDistrust(path, surround(options)), DISTRUST);
  });
}

for (const point of ["/etc/machine-id", "/etc"]) {
  Deno.test(`a mount at ${point} covers the machine id`, () => {
    const mounts = [...PODMAN, `700 600 254:0 /x ${point} rw - ext4 /dev/sda1 rw`];
    const [, covered] = findNamespace(surround({ mounts }));
    assertEquals([covered?.kind, covered?.evidence], ["identity_covered", "/etc/machine-id"]);
  });
}

Deno.test("a boot id of another file system is covered", () => {
  const path = "/proc/sys/kernel/random/boot_id";
  assertEquals(findNamespace(surround({ types: { [path]: TMPFS } }))[1]?.evidence, path);
});
