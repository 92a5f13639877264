import { describe, expect, it } from "vitest";
import type { AgentMessage, AgentSyncAck, ConversationDetail, Refused, Sync } from "../../shared/types";
import { apiOf, message, summary } from "./testing";
import { Thread } from "./thread";

const lost: Refused = { ok: false, error: { code: "unavailable" } };

function detail(messages: AgentMessage[], older = false): ConversationDetail {
  const conversation = summary("c1", { rev: messages.at(-1)?.rev ?? 0, last_seq: messages.at(-1)?.seq ?? 0 });
  const contact = { id: "k", name: "", email: null, phone: null, language: null, created_at: "", identities: [], attributes: [], suggestions: [] };
  return { conversation, messages, older, brief: null, contact, viewing: [] };
}

function threadOf(answers: unknown[], sync: (query: Sync) => AgentSyncAck | Refused = () => lost) {
  const asked: string[] = [];
  const queries: Sync[] = [];
  const api = apiOf((_method, path) => {
    asked.push(path);
    return answers.shift();
  });
  const world = {
    api,
    sync: async (query: Sync) => {
      queries.push(query);
      return sync(query);
    },
    upsert: () => undefined,
  };
  return { thread: new Thread("c1", world), asked, queries };
}

const seqs = (thread: Thread): number[] => thread.messages.value.map((one) => one.seq);

describe("Thread", () => {
  it("takes events in order, each once", async () => {
    const { thread } = threadOf([detail([message(1), message(2)])]);
    await thread.load();
    thread.onMessage(message(3));
    thread.onMessage(message(3));
    expect(seqs(thread)).toEqual([1, 2, 3]);
  });

  // INV-4
  it("asks for what it missed when an event does not follow", async () => {
    const ack = (query: Sync): AgentSyncAck => ({
      ok: true,
      messages: [message(2), message(3), message(4)].filter((one) => one.seq > query.after),
      changed: [],
      next: false,
      rev: 4,
      conversation: summary("c1"),
    });
    const { thread, queries } = threadOf([detail([message(1)])], ack);
    await thread.load();
    thread.onMessage(message(4));
    await thread.sync();
    expect(queries[0]).toEqual({ conversation: "c1", after: 1, rev: 1 });
    expect(seqs(thread)).toEqual([1, 2, 3, 4]);
  });

  it("pages on while the hub has more", async () => {
    const ack = (query: Sync): AgentSyncAck => ({
      ok: true,
      messages: [message(query.after + 1)],
      changed: [],
      next: query.after < 3,
      rev: query.after + 1,
      conversation: summary("c1"),
    });
    const { thread } = threadOf([detail([message(1)])], ack);
    await thread.load();
    await thread.sync();
    expect(seqs(thread)).toEqual([1, 2, 3, 4]);
  });

  it("reads by HTTP when the socket cannot", async () => {
    const { thread, asked } = threadOf([detail([message(1)]), detail([message(1), message(2)])]);
    await thread.load();
    await thread.sync();
    expect(asked).toHaveLength(2);
    expect(seqs(thread)).toEqual([1, 2]);
  });

  it("puts older pages before, and knows when there are none", async () => {
    const { thread, asked } = threadOf([detail([message(3), message(4)], true), { messages: [message(1), message(2)], older: false }]);
    await thread.load();
    await thread.loadOlder();
    expect(asked[1]).toBe("/api/conversations/c1/messages?before=3");
    expect(seqs(thread)).toEqual([1, 2, 3, 4]);
    expect(thread.older.value).toBe(false);
  });

  it("starts anew rather than show a hole after a long absence", async () => {
    const { thread } = threadOf([detail([message(1), message(2)]), detail([message(60), message(61)], true)]);
    await thread.load();
    await thread.load();
    expect(seqs(thread)).toEqual([60, 61]);
    expect(thread.older.value).toBe(true);
  });

  it("takes a newer revision and refuses an older one", async () => {
    const { thread } = threadOf([detail([message(1)])]);
    await thread.load();
    thread.onUpdated(message(1, { rev: 5, state: "failed" }));
    thread.onUpdated(message(1, { rev: 3, state: "sent" }));
    expect(thread.messages.value[0]?.state).toBe("failed");
  });

  it("shows the brief a hand-over brings", async () => {
    const brief = { reason: "asked", asked: "Where?", intents: [], slots: {}, confidence: 0.9, waiting_for: null };
    const { thread } = threadOf([detail([message(1)])]);
    await thread.load();
    const activity = { what: "handed_over" as const, by: null, to: null, reason: "asked", brief, data: {} };
    thread.onMessage(message(2, { kind: "activity", sender: "system", activity }));
    expect(thread.brief.value).toEqual(brief);
  });
});
