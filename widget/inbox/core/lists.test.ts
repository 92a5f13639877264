import { afterEach, describe, expect, it, vi } from "vitest";
import type { ConversationPage, Summary } from "../../shared/types";
import { ApiError } from "./api";
import { Lists } from "./lists";
import { apiOf, at, summary } from "./testing";

const COUNTS = { mine: 0, queue: 2, bot: 1, all: 3 };
const page = (items: Summary[], cursor: string | null = null): ConversationPage => ({ items, cursor, counts: COUNTS });
const waiting = (id: string, minute: number, more: Partial<Summary> = {}): Summary =>
  summary(id, { waiting_since: at(minute), changed_at: at(minute), ...more });

async function opened(...pages: ConversationPage[]): Promise<{ lists: Lists; asked: string[] }> {
  const asked: string[] = [];
  const api = apiOf((_method, path) => {
    asked.push(path);
    return pages[Math.min(asked.length, pages.length) - 1];
  });
  const lists = new Lists(api, "me");
  await lists.open("queue");
  return { lists, asked };
}

afterEach(() => vi.useRealTimers());

describe("Lists", () => {
  it("shows a chat that enters the view by an event, in its place, and counts it", async () => {
    const { lists } = await opened(page([waiting("a", 1), waiting("b", 5)]));
    lists.upsert(waiting("new", 3));
    expect(lists.shown.value).toEqual(["a", "new", "b"]);
    expect(lists.counts.value.queue).toBe(3);
  });

  it("drops a chat somebody took, and news older than what is known", async () => {
    const { lists } = await opened(page([waiting("a", 1), waiting("b", 5)]));
    lists.upsert(waiting("a", 1, { assignee: { id: "x", name: "X" }, rev: 3 }));
    lists.upsert(waiting("a", 1, { rev: 2 }));
    expect(lists.shown.value).toEqual(["b"]);
  });

  it("keeps the order while frozen, says how many wait, and moves afterwards", async () => {
    const { lists } = await opened(page([waiting("a", 1), waiting("b", 5)]));
    lists.freeze(true);
    lists.upsert(waiting("first", 0));
    lists.upsert(waiting("a", 1, { status: "resolved", rev: 2 }));
    expect(lists.shown.value).toEqual(["a", "b"]);
    expect(lists.held.value).toBe(1);
    lists.freeze(false);
    expect(lists.shown.value).toEqual(["first", "b"]);
    expect(lists.held.value).toBe(0);
  });

  it("does not show rows behind the last loaded page until that page comes", async () => {
    const { lists } = await opened(page([waiting("a", 1), waiting("b", 5)], "2"), page([waiting("c", 7), waiting("d", 9)]));
    lists.upsert(waiting("d", 9));
    expect(lists.shown.value).toEqual(["a", "b"]);
    await lists.loadMore();
    expect(lists.shown.value).toEqual(["a", "b", "c", "d"]);
    expect(lists.more.value).toBe(false);
  });

  it("forgets on a refresh what the hub no longer lists, and keeps what an event brought meanwhile", async () => {
    const answers = [page([waiting("a", 1), waiting("b", 5)]), page([waiting("b", 5)])];
    const lists: Lists = new Lists(
      apiOf(() => {
        if (answers.length === 1) lists.upsert(waiting("meanwhile", 9));
        return answers.shift();
      }),
      "me",
    );
    await lists.open("queue");
    await lists.refresh();
    expect(lists.shown.value).toEqual(["b", "meanwhile"]);
  });

  it("reads as far down after a reconnect as before", async () => {
    const first = page([waiting("a", 1)], "1");
    const { lists, asked } = await opened(first, page([waiting("b", 2)], "2"), first, page([waiting("b", 2)], "2"));
    await lists.loadMore();
    await lists.refresh();
    expect(lists.shown.value).toEqual(["a", "b"]);
    expect(asked).toHaveLength(4);
  });

  it("keeps what it has when the hub fails, and says so", async () => {
    let broken = false;
    const api = apiOf(() => {
      if (broken) throw new ApiError(503, { code: "unavailable" });
      return page([waiting("a", 1)]);
    });
    const lists = new Lists(api, "me");
    await lists.open("queue");
    broken = true;
    await lists.refresh();
    expect(lists.error.value?.code).toBe("unavailable");
    expect(lists.shown.value).toEqual(["a"]);
  });

  it("asks for the true counts after meeting an unknown chat", async () => {
    vi.useFakeTimers();
    const { lists, asked } = await opened(page([waiting("a", 1)]));
    lists.upsert(waiting("unknown", 2));
    await vi.advanceTimersByTimeAsync(2500);
    expect(asked).toHaveLength(2);
    expect(lists.counts.value).toEqual(COUNTS);
  });

  it("keeps the hub's order in a search", async () => {
    const found = page([waiting("b", 5), waiting("a", 1)]);
    const { lists, asked } = await opened(page([]), found);
    await lists.open("queue", "shoes");
    lists.upsert(waiting("a", 1, { rev: 2 }));
    expect(asked[1]).toBe("/api/conversations?view=queue&q=shoes");
    expect(lists.shown.value).toEqual(["b", "a"]);
  });

  it("takes 1,000 events into 10,000 rows within a second", async () => {
    const rows = Array.from({ length: 10_000 }, (_, index) => waiting(`c${index}`, index));
    const { lists } = await opened(page(rows));
    const start = performance.now();
    for (let index = 0; index < 1000; index++) lists.upsert(waiting(`c${index}`, index, { rev: 2, unread: 1 }));
    expect(performance.now() - start).toBeLessThan(1000);
    expect(lists.shown.value).toHaveLength(10_000);
  });

  it("steps through the drawn order and stops at its ends", async () => {
    const { lists } = await opened(page([waiting("a", 1), waiting("b", 5)]));
    expect(lists.neighbour(null, 1)).toBe("a");
    expect(lists.neighbour("a", 1)).toBe("b");
    expect(lists.neighbour("b", 1)).toBe("b");
    expect(lists.neighbour("a", -1)).toBe("a");
  });
});
