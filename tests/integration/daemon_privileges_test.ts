import { assertEquals, assertStringIncludes } from "@std/assert";
import { DaemonScene, type DaemonSceneOptions } from "../support/daemon_scene.ts";
import { NO_OTHER_USERS } from "../support/other_user.ts";
import { threadRights } from "../support/process_rights.ts";
import { programForAll } from "../support/program_for_all.ts";
import { type Requirement, testWith } from "../support/requirements.ts";

const NEEDS_USERS: Requirement = {
  reason: NO_OTHER_USERS ?? "",
  met: NO_OTHER_USERS === undefined,
};

/** nobody and its group, in Debian and its kin. */
const NOBODY = 65534;
const NONE = "0000000000000000";

async function arrive(options: DaemonSceneOptions = {}): Promise<DaemonScene> {
  const scene = await DaemonScene.arrive({
    ...options,
    tables: `[process]\nuser = "nobody"\n${options.tables ?? ""}`,
    program: await programForAll(),
  });
  await scene.giveTo(NOBODY);
  return scene;
}

testWith(
  [NEEDS_USERS],
  "a daemon and its software run as the user, without any right of root's in any thread",
  async () => {
    await using scene = await arrive();
    const started = await scene.daemon("start");
    assertEquals([started.code, started.stderr], [0, ""]);
    const [, pid] = /pid (\d+)/.exec(started.stdout)!;
    const [software] = await scene.softwarePids(1);
    for (const process of [Number(pid), software!]) {
      const ids = [NOBODY, NOBODY, NOBODY, NOBODY].join("\t");
      assertEquals(await threadRights(process), [{
        ...{ Uid: ids, Gid: ids, Groups: String(NOBODY), NoNewPrivs: "1" },
        ...{ CapInh: NONE, CapPrm: NONE, CapEff: NONE, CapBnd: NONE, CapAmb: NONE },
      }]);
    }
    const stopped = await scene.daemon("stop");
    assertEquals([stopped.code, stopped.stderr], [0, ""]);
    assertStringIncludes(await scene.log(), "Received signal SIGTERM");
    await scene.requireNothingLeft();
  },
);
