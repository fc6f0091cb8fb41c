/** What a process is to be, and no more than that. */
export interface ProcessRights {
  readonly userId: number;
  readonly groupId: number;
  /** Supplementary groups, the group itself included. */
  readonly groups: readonly number[];
  /** Names of the capabilities that are left, as capabilities(7) has them; `undefined` leaves the bounding set as it is. */
  readonly capabilities: readonly string[] | undefined;
  /** Whether no program that is started may give more rights (PR_SET_NO_NEW_PRIVS). */
  readonly noNewPrivileges: boolean;
  /** The folder that is to be the root of the file system. */
  readonly rootFolder: string | undefined;
}

/** A program that takes the place of the one that runs, under the same pid (execve(2)). */
export interface ProgramImage {
  readonly path: string;
  /** Without the program's name. */
  readonly args: readonly string[];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Gives rights up, and tells which there are. What a check says is of the process as it is, not of what it was told. */
export interface PrivilegeControl {
  /** Whether all ids of the user are root's. */
  isRoot(): boolean;
  /**
   * In what this process, with every thread of it, is not what it is to be; nothing where it is, and cannot be root again.
   * Tries to be that, as a last test, where all else is right.
   */
  differences(rights: ProcessRights): string[];
  /**
   * Makes sure, changing nothing, that root can become this.
   *
   * @throws {SentinelError} `config.capability`, `config.chroot`, `permission.privileges`.
   */
  check(rights: ProcessRights, image: ProgramImage): void;
  /**
   * Takes the rights on and executes the program with them. The rights are the calling thread's, which is why the program
   * has to take our place: afterwards they are every thread's.
   *
   * @throws {SentinelError} `permission.privileges` where a step is refused. Some are done then: the process must end.
   */
  become(rights: ProcessRights, image: ProgramImage): void;
  /** The user that a process runs as; `undefined` where it is gone. */
  userOf(pid: number): number | undefined;
}
