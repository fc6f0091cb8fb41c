import { StateFile } from "./state_file.ts";

/** A copy of the state that tells whether the state was put back. */
export type Witness = Pick<StateFile, "read" | "save" | "delete">;

/**
 * The witness outside the state folder: a file of the machine's name.
 *
 * @param folder Made at the first save, 0700; `undefined` where there is no place for one.
 */
export function outerWitness(
  folder: string | undefined,
  key: CryptoKey,
): (machineId: string) => Witness | undefined {
  return (machineId) => {
    if (folder === undefined) return undefined;
    const file = new StateFile(`${folder}/${machineId}.bin`, key, "witness");
    return {
      read: () => file.read(),
      delete: () => file.delete(),
      async save(state) {
        try {
          await file.save(state);
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
          await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
          await file.save(state);
        }
      },
    };
  };
}
