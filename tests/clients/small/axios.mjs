// axios as it comes: its own `Accept` is answered with JSON where there is a stream too, and a status is followed to
// its resource.
import assert from "node:assert/strict";
import axios from "axios";
import { makePet } from "./pet.mjs";

const client = axios.create({ baseURL: process.argv[2], timeout: 5000 });

async function get(path, params) {
  try {
    return await client.get(path, { params });
  } catch (error) {
    // The whole error is a thousand lines.
    throw new Error(`GET ${path}: ${error.message}`);
  }
}

const command = await makePet(process.argv[2], "Axel");
const page = await get("/v1/feed", { after: "start", target: `pet/${command.target.id}` });
assert.match(page.headers["content-type"], /^application\/json\b/);
assert.deepEqual(
  page.data.items.map((event) => event.type),
  ["wilco.pet.created", "wilco.command.succeeded"],
);

const status = await get(`/v1/commands/${command.id}`, { redirect: false });
assert.equal(status.data.status, "succeeded");
const pet = await get(`/v1/commands/${command.id}`);
assert.deepEqual([pet.data.id, pet.data.name], [command.target.id, "Axel"]);
