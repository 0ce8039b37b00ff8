// What the small clients share.
import assert from "node:assert/strict";

/** Makes a pet and waits until it is there; its command's status. */
export async function makePet(base, name) {
  const answer = await fetch(`${base}/v1/pets`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Prefer: "wait=10" },
    body: JSON.stringify({ name, category: "dog" }),
  });
  assert.equal(answer.status, 201);
  return answer.json();
}

/** Ends the program with an error unless `work` calls `done` in time. */
export async function within(milliseconds, what, work) {
  let timer;
  try {
    await new Promise((done, failed) => {
      timer = setTimeout(() => failed(new Error(`waited ${milliseconds} ms for ${what}`)), milliseconds);
      work(done, failed);
    });
  } finally {
    clearTimeout(timer);
  }
}
