import { assertEquals, assertRejects } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import {
  buildUserEnvironment,
  planPrivileges,
  type PrivilegeSettings,
} from "../../src/daemon/privileges.ts";

const FILES: Readonly<Record<string, string>> = {
  "/etc/passwd": [
    "root:x:0:0:root:/root:/bin/sh",
    "# none",
    "toor:x:0:0::/root:/bin/sh",
    "app:x:1000:1001:App,,,:/srv/app:/bin/false",
    "7:x:1002:1001::/home/seven:",
    "seventh:x:7:1001::/home/seventh:",
    "broken:x:many:1::/:",
    "noid:x:4294967295:1::/:",
    "+::::::",
  ].join("\n"),
  "/etc/group": [
    "root:x:0:",
    "app:x:1001:",
    "audio:x:29:app,other",
    "video:x:44:other",
    "disk:x:6:other,app",
    "backup:x:34:app2",
    "",
  ].join("\n"),
};

const readText = (path: string) => Promise.resolve(FILES[path]!);

const SETTINGS: PrivilegeSettings = {
  ...{ user: "app", group: undefined, chrootDirectory: undefined },
  ...{ dropCapabilities: true, allowedCapabilities: [], noNewPrivileges: true },
};

function plan(settings: Partial<PrivilegeSettings>) {
  return planPrivileges({ ...SETTINGS, ...settings }, readText);
}

Deno.test("planPrivileges() plans nothing without a configured user", async () => {
  assertEquals(await plan({ user: undefined }), undefined);
});

Deno.test("planPrivileges() uses the user's own group and those with the user as a member", async () => {
  assertEquals(await plan({}), {
    user: { name: "app", userId: 1000, groupId: 1001, home: "/srv/app" },
    rights: {
      ...{ userId: 1000, groupId: 1001, groups: [1001, 29, 6] },
      ...{ capabilities: [], noNewPrivileges: true, rootFolder: undefined },
    },
  });
});

Deno.test("planPrivileges() replaces the user's own group by the configured one", async () => {
  const { groupId, groups } = (await plan({ group: "video" }))!.rights;
  assertEquals([groupId, groups], [44, [44, 29, 6]]);
  assertEquals((await plan({ group: "disk" }))!.rights.groups, [6, 29]);
});

Deno.test("planPrivileges() treats a number as an id unless a name is equal to it", async () => {
  assertEquals((await plan({ user: "1000" }))!.rights.userId, 1000);
  assertEquals((await plan({ user: "7" }))!.rights.userId, 1002);
  assertEquals((await plan({ group: "44" }))!.rights.groupId, 44);
});

Deno.test("planPrivileges() keeps the bounding set if capabilities are not dropped", async () => {
  assertEquals((await plan({ dropCapabilities: false }))!.rights.capabilities, undefined);
});

const REFUSED: Readonly<Record<string, Partial<PrivilegeSettings>>> = {
  "unknown user: nosuch": { user: "nosuch" },
  "unknown user: broken": { user: "broken" },
  "unknown user: noid": { user: "noid" },
  "unknown user: +": { user: "+" },
  "unknown user: # none": { user: "# none" },
  "unknown group: ": { group: "" },
  "unknown group: nosuch": { group: "nosuch" },
  "user toor is root: leave process.user out to run as root": { user: "toor" },
  "user 0 is root: leave process.user out to run as root": { user: "0" },
  "process.group requires process.user": { user: undefined, group: "app" },
  "security.chroot_directory requires process.user, as root can leave a chroot": {
    ...{ user: undefined, chrootDirectory: "/srv" },
  },
  "CAP_SETUID cannot be allowed: its holder can be root again": {
    allowedCapabilities: ["CAP_KILL", "CAP_SETUID"],
  },
};

for (const [message, settings] of Object.entries(REFUSED)) {
  Deno.test(`planPrivileges() refuses: ${message}`, async () => {
    assertEquals((await assertRejects(() => plan(settings), SentinelError)).message, message);
  });
}

Deno.test("buildUserEnvironment() passes on only what is common, Sentinel's own or named", () => {
  const user = { name: "app", userId: 1, groupId: 1, home: "/srv/app" };
  const common = { PATH: "/bin", LANG: "C.UTF-8", TZ: "UTC" };
  const own = { NOTIFY_SOCKET: "/n", SENTINEL_LOG_LEVEL: "info", DENO_DIR: "/cache" };
  const named = { HTTPS_PROXY: "http://proxy:3128" };
  const secrets = { AWS_SECRET_ACCESS_KEY: "s", PGPASSWORD: "p", path: "/root", LANGUAGE: "de" };
  const variables = { HOME: "/root", ...common, ...own, ...named, ...secrets };
  assertEquals(buildUserEnvironment(user, { variables, kept: ["HTTPS_PROXY", "ABSENT"] }), {
    ...{ ...common, ...own, ...named, HOME: "/srv/app", USER: "app", LOGNAME: "app" },
  });
});
