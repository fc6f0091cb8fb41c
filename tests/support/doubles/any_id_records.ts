import { parseRecord } from "../../../src/process/records.ts";
import { RecordStore } from "../../../src/process/records.ts";

export { RecordStore };

/** For `src/process/record_store.ts`: reads wherever an id leads to. */
RecordStore.prototype.read = async function (id) {
  return parseRecord(JSON.parse(await Deno.readTextFile(`${this.folder}/${id}/record.json`)));
};
