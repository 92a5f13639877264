import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Outbox } from "./outbox";
import type { Message } from "./types";

const draft = (text: string) => ({ text, attachments: [], choice: null, label: "" });
beforeEach(() => localStorage.clear());
afterEach(() => vi.restoreAllMocks());

test("survives a reload in the order written", () => {
  const box = new Outbox("k:");
  for (const text of ["one", "two", "three"]) box.add(draft(text));
  expect(new Outbox("k:").entries.map(({ text }) => text)).toEqual(["one", "two", "three"]);
  expect(new Outbox("other:").entries).toEqual([]);
});

test("two tabs do not overwrite each other", () => {
  const [a, b] = [new Outbox("k:"), new Outbox("k:")];
  a.add(draft("from a"));
  b.add(draft("from b"));
  expect(new Outbox("k:").entries).toHaveLength(2);
});

test("acked is stored no longer, shown until its echo is here", () => {
  const box = new Outbox("k:");
  const { client_id } = box.add(draft("hi"));
  box.acked(client_id, 4);
  expect(new Outbox("k:").entries).toEqual([]);
  expect(box.entries).toHaveLength(1);
  box.settle([{ client_id } as Message]);
  expect(box.entries).toEqual([]);
});

test("an echo before the ack settles it", () => {
  const box = new Outbox("k:");
  const { client_id } = box.add(draft("hi"));
  box.settle([{ client_id } as Message]);
  box.acked(client_id, 4);
  expect([box.entries, new Outbox("k:").entries]).toEqual([[], []]);
});

test("a failed one waits for its writer and keeps its id", () => {
  const box = new Outbox("k:");
  const failed = box.add(draft("one"));
  const second = box.add(draft("two"));
  box.failed(failed.client_id, { code: "rate_limited" });
  expect(box.next()?.client_id).toBe(second.client_id);
  box.retry(failed.client_id);
  expect(box.next()?.client_id).toBe(failed.client_id);
});

test("a full or forbidden storage loses nothing while the page lives", () => {
  for (const method of ["setItem", "getItem"] as const) {
    vi.spyOn(Storage.prototype, method).mockImplementation(() => {
      throw new DOMException("no", "QuotaExceededError");
    });
  }
  const box = new Outbox("q:");
  box.add(draft("kept"));
  expect(box.next()?.text).toBe("kept");
  expect(new Outbox("q:").entries).toHaveLength(1);
});

test("what is not ours in the storage is passed over", () => {
  for (const [key, value] of Object.entries({ "k:1": "{", "k:2": "null", "k:3": "{}", "k:4": '"x"' }))
    localStorage.setItem(key, value);
  expect(new Outbox("k:").entries).toEqual([]);
});
