// Makes a pet, follows it to its resource, reserves it by the generic door, lists pets and reads the feed, with the
// types that openapi-typescript makes of the document. The server's address is the only argument.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type CommandStatus = components["schemas"]["CommandStatus"];

const baseUrl = process.argv[2];
assert(baseUrl, "usage: drive.js URL");
// Without this, fetch asks for `*/*`, and that is answered with a stream where there is one.
const client = createClient<paths>({ baseUrl, headers: { Accept: "application/json" } });

/** What a JSON answer holds. The type also knows the answers of other media types, which were not asked for. */
function json<T extends object>(data: T | string | undefined): T {
  assert(data !== undefined && typeof data !== "string");
  return data;
}

async function create(): Promise<CommandStatus> {
  const { data, error, response } = await client.POST("/v1/pets", {
    body: { name: "Tessa", category: "dog", price: { amount: 12500, currency: "EUR" } },
  });
  assert.equal(error, undefined);
  assert.equal(response.status, 202);
  return json(data);
}

async function settled(id: string): Promise<CommandStatus> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const { data, response } = await client.GET("/v1/commands/{id}", {
      params: { path: { id }, query: { redirect: false } },
    });
    assert.equal(response.status, 200);
    const command = json(data);
    if (command.status !== "pending" && command.status !== "running") return command;
    assert(Date.now() < deadline, `the command is still ${command.status}`);
    await sleep(20);
  }
}

async function show(id: string): Promise<void> {
  const { data } = await client.GET("/v1/pets/{id}", { params: { path: { id } } });
  const pet = json(data);
  assert.deepEqual(
    [pet.id, pet.name, pet.category, pet.status, pet.version],
    [id, "Tessa", "dog", "available", 1],
  );
  assert.deepEqual(pet.price, { amount: 12500, currency: "EUR" });
}

async function reserve(target: string): Promise<void> {
  const { data, response } = await client.POST("/v1/commands", {
    params: { header: { Prefer: "wait=10" } },
    body: { type: "pet.reserve", target, data: { order_id: "order-1" } },
  });
  assert.equal(response.status, 200);
  const command = json(data);
  assert.deepEqual([command.status, command.version], ["succeeded", 2]);
}

async function list(id: string): Promise<void> {
  const seen: string[] = [];
  let cursor: string | null | undefined;
  do {
    const query = cursor == null ? { limit: 1 } : { limit: 1, cursor };
    const { data } = await client.GET("/v1/pets", { params: { query } });
    const page = json(data);
    seen.push(...page.items.map((pet) => pet.id));
    cursor = page.next_cursor;
  } while (cursor != null);
  assert.equal(seen.filter((other) => other === id).length, 1, `${id} once among ${seen}`);
}

async function feed(id: string): Promise<void> {
  const target = `pet/${id}`;
  const { data } = await client.GET("/v1/feed", { params: { query: { after: "start", target } } });
  const page = json(data);
  assert.deepEqual(
    page.items.slice(0, 2).map((event) => [event.specversion, event.type, event.subject]),
    [["1.0", "wilco.pet.created", target], ["1.0", "wilco.command.succeeded", target]],
  );
  const next = await client.GET("/v1/feed", { params: { query: { after: page.next_cursor, target } } });
  assert.deepEqual(json(next.data).items, []);
}

async function refused(): Promise<void> {
  const { error, response } = await client.GET("/v1/pets/{id}", { params: { path: { id: "no-such-pet" } } });
  assert.equal(response.status, 404);
  assert(error);
  assert.deepEqual([error.type, error.status], ["/problems/not-found", 404]);
}

const accepted = await create();
const command = await settled(accepted.id);
assert.deepEqual([command.status, command.version, command.error], ["succeeded", 1, null]);
const id = command.target.id;
assert.equal(command.resource, `/v1/pets/${id}`);
await show(id);
await reserve(id);
await list(id);
await feed(id);
await refused();
