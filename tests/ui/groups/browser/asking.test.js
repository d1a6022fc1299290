import assert from "node:assert/strict";
import { test } from "node:test";

import { Asking } from "../../../../ui/groups/browser/state/asking.js";

function start() {
  const waiting = [];
  const taken = [];
  const errors = [];
  const asking = new Asking({
    fetchState: (seen) => new Promise((resolve, reject) => waiting.push({ seen, resolve, reject })),
    onState: (state, { fresh }) => taken.push([state.k, fresh]),
    onError: (error) => errors.push(error.message),
  });
  return { asking, waiting, taken, errors };
}

test("an answer to an older question is dropped", async () => {
  const { asking, waiting, taken } = start();
  const asked = [asking.ask({ fresh: true }), asking.ask({ fresh: true })];
  waiting[1].resolve({ k: 7 });
  waiting[0].resolve({ k: 12 });
  await Promise.all(asked);

  assert.deepEqual(taken, [[7, true]]);
});

test("a new number of groups is shown although the page looked for news before the answer came", async () => {
  const { asking, waiting, taken } = start();
  const asked = [asking.ask({ fresh: true }), asking.ask({ seen: "as before" })];
  assert.equal(waiting[1].seen, "");
  waiting[0].resolve({ k: 7 });
  waiting[1].resolve({ k: 7 });
  await Promise.all(asked);

  assert.deepEqual(taken, [[7, true]]);
});

test("a new number of groups is shown although a group was named before the answer came", async () => {
  const { asking, waiting, taken } = start();
  const asked = asking.ask({ fresh: true });
  asking.drop();
  waiting[0].resolve({ k: 7 });
  await asked;
  asking.take({ k: 8 });

  assert.deepEqual(taken, [[8, true]]);
});

test("nothing is drawn where nothing is new, and a failed look for news says nothing", async () => {
  const { asking, waiting, taken, errors } = start();
  const asked = [asking.ask({ seen: "as before" })];
  assert.equal(waiting[0].seen, "as before");
  waiting[0].resolve({ same: true });
  asked.push(asking.ask({ seen: "as before" }));
  waiting[1].reject(new Error("away"));
  await Promise.all(asked);

  assert.deepEqual([taken, errors], [[], []]);
});

test("a number that could not be asked for is said, and asked for again with the next look", async () => {
  const { asking, waiting, taken, errors } = start();
  const asked = [asking.ask({ fresh: true })];
  waiting[0].reject(new Error("The dashboard does not answer."));
  await asked[0];
  asked.push(asking.ask({ seen: "as before" }));
  waiting[1].resolve({ k: 7 });
  await Promise.all(asked);

  assert.deepEqual([taken, errors], [[[7, true]], ["The dashboard does not answer."]]);
});
