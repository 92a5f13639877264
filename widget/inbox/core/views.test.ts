import { describe, expect, it } from "vitest";
import { at, summary } from "./testing";
import { belongs, compare, place, recount } from "./views";

const me = { id: "me", name: "Mika" };
const other = { id: "you", name: "Jonas" };

describe("belongs", () => {
  it("puts every conversation where the hub's list has it", () => {
    const cases = [
      [summary("a"), ["queue", "all"]],
      [summary("b", { assignee: me }), ["mine", "all"]],
      [summary("c", { assignee: me, status: "snoozed" }), ["mine", "all"]],
      [summary("d", { assignee: other }), ["all"]],
      [summary("e", { status: "pending" }), ["bot", "all"]],
      [summary("f", { status: "resolved" }), ["resolved"]],
    ] as const;
    for (const [row, views] of cases) {
      const found = (["mine", "queue", "bot", "all", "resolved"] as const).filter((view) => belongs(row, view, "me"));
      expect(found, row.id).toEqual(views);
    }
  });
});

describe("order", () => {
  it("is longest waiting first in the queue, urgent ones before", () => {
    const rows = [
      summary("late", { waiting_since: at(9) }),
      summary("early", { waiting_since: at(1) }),
      summary("urgent", { waiting_since: at(20), priority: 1 }),
    ];
    expect(rows.sort(compare("queue")).map((row) => row.id)).toEqual(["urgent", "early", "late"]);
  });

  it("is latest change first elsewhere", () => {
    const rows = [summary("old", { changed_at: at(1) }), summary("new", { changed_at: at(2) })];
    expect(rows.sort(compare("all")).map((row) => row.id)).toEqual(["new", "old"]);
  });

  it("finds the place of a row in 10,000", () => {
    const rows = Array.from({ length: 10_000 }, (_, index) => summary(`c${index}`, { changed_at: at(-index) }));
    const order = compare("all");
    expect(place(rows, rows[7777] ?? summary("none"), order)).toBe(7777);
    expect(place(rows, summary("newest", { changed_at: at(1) }), order)).toBe(0);
    expect(place(rows, summary("oldest", { changed_at: at(-20_000) }), order)).toBe(10_000);
  });
});

describe("recount", () => {
  const none = { mine: 0, queue: 0, bot: 0, all: 0 };

  it("moves one from the bot to the queue", () => {
    const before = summary("a", { status: "pending" });
    expect(recount({ ...none, bot: 1, all: 1 }, before, summary("a"), "me")).toEqual({ ...none, queue: 1, all: 1 });
  });

  it("never goes below zero", () => {
    expect(recount(none, summary("a"), summary("a", { status: "resolved" }), "me")).toEqual(none);
  });
});
