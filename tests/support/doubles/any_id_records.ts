import { RecordStore } from "../../../src/process/records.ts";

export * from "../../../src/process/records.ts";

/** For `src/process/records.ts`: reads wherever an id leads to. */
RecordStore.prototype.read = async function (id) {
  return JSON.parse(await Deno.readTextFile(`${this.folder}/${id}/record.json`));
};
