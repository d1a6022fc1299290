import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Sender } from "../../../../ui/groups/browser/state/sender.js";
import { installBrowser, settle } from "../../board/browser/fakes.js";

let sent; // the bodies of all requests
let answer; // what the server says to the next ones

const item = (id, changes = {}) => ({ id, run: "r1", kind: "name", groups: ["g"], meaning: "odd", pass: "p", reviewer: "Ada", ...changes });
const saveAll = ({ actions }) => ({ saved: Object.fromEntries(actions.map(({ id }) => [id, {}])), refused: {}, state: { k: 7 } });
const keptInBrowser = () => [...localStorage.values.keys()].filter((name) => name.includes(".group.")).length;

function makeSender() {
  const heard = [];
  const sender = new Sender({ project: "season", run: "r1", onChange: () => {}, onAnswer: (one) => heard.push(one) });
  sender.k = 7;
  return { sender, heard };
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  installBrowser();
  sent = [];
  answer = saveAll;
  globalThis.fetch = async (address, { body }) => {
    const request = JSON.parse(body);
    sent.push({ address, ...request });
    const values = await answer(request);
    return { ok: !values.status || values.status === 200, status: values.status ?? 200, json: async () => values };
  };
});

test("an action is kept in the browser until the server has saved it, and the answer brings the groups", async () => {
  const { sender, heard } = makeSender();
  sender.add(item("1"));
  assert.deepEqual([sender.waiting, keptInBrowser()], [1, 1]);

  await settle();

  assert.deepEqual([sender.waiting, keptInBrowser()], [0, 0]);
  assert.equal(sent[0].address, "/api/runs/r1/groups/actions");
  assert.equal(heard[0].state.k, 7);
});

test("actions go in their order, and those that come meanwhile go together", async () => {
  let release;
  answer = (request) => new Promise((resolve) => { release = () => resolve(saveAll(request)); });
  const { sender } = makeSender();
  for (const id of ["1", "2", "3"]) sender.add(item(id));
  release();
  await settle();
  release();
  await settle();
  assert.deepEqual(sent.map(({ actions }) => actions.map(({ id }) => id)), [["1"], ["2", "3"]]);
});

test("while the server is away an action is sent again with the same id, and a later page sends it too", async () => {
  answer = async () => { throw new TypeError("no network"); };
  const { sender } = makeSender();
  sender.add(item("1"));
  await settle();
  assert.equal(sender.problem, "The dashboard does not answer.");
  mock.timers.tick(300);
  await settle();
  assert.deepEqual(sent.map(({ actions }) => actions[0].id), ["1", "1"]);
  sender.end();

  answer = saveAll;
  const later = makeSender().sender;
  assert.equal(later.waiting, 1);
  later.renewPass({ pass: "new", reviewer: "Ada" });
  await settle();
  assert.equal(sent.at(-1).actions[0].pass, "new");
  assert.equal(later.waiting, 0);
});

test("what was refused is dropped, and the answer says why", async () => {
  answer = async () => ({ saved: {}, refused: { 1: "Somebody changed this group." }, state: { k: 7 } });
  const { sender, heard } = makeSender();
  sender.add(item("1"));
  await settle();
  assert.deepEqual([sender.waiting, keptInBrowser()], [0, 0]);
  assert.equal(heard[0].refused[1], "Somebody changed this group.");
});

test("no status makes an action be given up, and those after it wait for it", async () => {
  answer = async () => ({ status: 404, error: "There are no such groups." });
  const { sender, heard } = makeSender();
  sender.add(item("1"));
  sender.add(item("2"));
  await settle();
  assert.deepEqual([sender.waiting, keptInBrowser(), heard.length, sender.problem], [2, 2, 0, "There are no such groups."]);

  answer = saveAll;
  sender.sendNow();
  for (let n = 0; n < 4; n++) await settle();
  assert.deepEqual(sent.slice(1).map(({ actions }) => actions.map(({ id }) => id)), [["1"], ["2"]]);
});

test("the reviewer's name is not sent beside the pass that holds it", async () => {
  const { sender } = makeSender();
  sender.add(item("1"));
  await settle();
  assert.deepEqual(Object.keys(sent[0].actions[0]).sort(), ["groups", "id", "kind", "meaning", "pass"]);
});
