import { expect, test } from "vitest";
import { Log } from "./log";
import type { Message } from "./types";

const message = (seq: number, more: Partial<Message> = {}): Message => ({
  conversation: "a",
  seq,
  prev: seq - 1,
  rev: seq,
  kind: "text",
  sender: "bot",
  author: null,
  client_id: null,
  text: `m${seq}`,
  buttons: [],
  attachments: [],
  chosen: null,
  activity: null,
  state: "stored",
  created_at: "2026-01-01T00:00:00.000Z",
  removed: false,
  ...more,
});
const seqs = (log: Log): number[] => log.messages.map(({ seq }) => seq);

test("keeps order and drops what it has", () => {
  const log = new Log();
  expect([1, 2, 2, 1].map((seq) => log.add(message(seq)))).toEqual(["added", "added", "known", "known"]);
  expect(seqs(log)).toEqual([1, 2]);
});

test("a gap is not shown but asked for", () => {
  const log = new Log();
  log.add(message(1));
  expect(log.add(message(4, { prev: 3 }))).toBe("gap");
  expect(log.last).toBe(1);
  log.merge("a", { messages: [message(2), message(3), message(4)], rev: 4 });
  expect(seqs(log)).toEqual([1, 2, 3, 4]);
});

test("a hidden note between two messages is no gap", () => {
  const log = new Log();
  log.add(message(1));
  expect(log.add(message(3, { prev: 1 }))).toBe("added");
});

test("an older revision that arrives late changes nothing", () => {
  const log = new Log();
  log.add(message(1));
  expect(log.update(message(1, { rev: 5, text: "new" }))).toBe(true);
  expect(log.update(message(1, { rev: 4, text: "old" }))).toBe(false);
  expect(log.messages[0]?.text).toBe("new");
});

test("rev counts only what came without a hole, or by sync", () => {
  const log = new Log();
  log.add(message(1));
  log.add(message(2, { rev: 7 }));
  expect(log.rev).toBe(1);
  log.merge("a", { messages: [], changed: [message(1, { rev: 8, text: "edited" })], rev: 8 });
  expect([log.rev, log.messages[0]?.text]).toEqual([8, "edited"]);
});

test("a new conversation starts from nothing and the old one stays away", () => {
  const log = new Log();
  log.add(message(1));
  expect(log.add(message(1, { conversation: "b" }))).toBe("added");
  expect(log.add(message(2))).toBe("past");
  expect([log.id, seqs(log)]).toEqual(["b", [1]]);
});

// Whatever is lost, doubled or late: events plus one sync are the log.
test("random faults end in the server's log", () => {
  let seed = 7;
  const random = (): number => (seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
  for (let round = 0; round < 200; round++) {
    const server = Array.from({ length: 12 }, (_, index) => message(index + 1));
    const log = new Log();
    for (const item of server) {
      if (random() < 0.7) log.add(item);
      if (random() < 0.2) log.add(server[Math.floor(random() * item.seq)] as Message);
    }
    log.merge("a", { messages: server.filter(({ seq }) => seq > log.last), rev: 12 });
    expect(seqs(log)).toEqual(server.map(({ seq }) => seq));
  }
});
