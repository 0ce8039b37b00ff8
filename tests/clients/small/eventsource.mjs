// The npm package `eventsource` on the status of a settled command: it hears the status once, comes back once by
// itself, is told that there is no more, and ends. On the feed, `onmessage` hears all.
import assert from "node:assert/strict";
import { EventSource } from "eventsource";
import { makePet, within } from "./pet.mjs";

const base = process.argv[2];
const command = await makePet(base, "Eva");

await within(15_000, "the status to end", (done, failed) => {
  let connections = 0;
  const heard = [];
  const source = new EventSource(`${base}/v1/commands/${command.id}`, {
    fetch: (url, init) => {
      connections += 1;
      if (connections > 2) failed(new Error(`it goes on connecting, and heard ${heard}`));
      return fetch(url, init);
    },
  });
  source.addEventListener("status", (event) => {
    assert(event.lastEventId, "an event without an id");
    heard.push(JSON.parse(event.data).status);
  });
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    assert.deepEqual(heard, ["succeeded"]);
    done();
  });
});

await within(15_000, "the feed", (done) => {
  const heard = [];
  const source = new EventSource(`${base}/v1/feed?after=start&event=none&target=pet/${command.target.id}`);
  source.onmessage = (event) => {
    heard.push(JSON.parse(event.data).type);
    if (heard.length < 2) return;
    assert.deepEqual(heard, ["wilco.pet.created", "wilco.command.succeeded"]);
    source.close();
    done();
  };
  source.onerror = (event) => assert.equal(event.code, undefined, event.message);
});
