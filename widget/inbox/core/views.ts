/** Which view a conversation is in, and in what order: pure, the same rules as the hub's list. */
import type { Counts, Summary, View } from "../../shared/types";

export const VIEWS: readonly View[] = ["mine", "queue", "bot", "all", "resolved"];

export function belongs(row: Summary, view: View, me: string): boolean {
  switch (view) {
    case "mine":
      return (row.status === "open" || row.status === "snoozed") && row.assignee?.id === me;
    case "queue":
      return row.status === "open" && row.assignee === null;
    case "bot":
      return row.status === "pending";
    case "all":
      return row.status !== "resolved";
    case "resolved":
      return row.status === "resolved";
  }
}

const rise = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Queue: urgent first, then longest waiting. Everything else: latest change first. Ids break ties. */
export function compare(view: View): (a: Summary, b: Summary) => number {
  if (view !== "queue") return (a, b) => rise(b.changed_at, a.changed_at) || rise(b.id, a.id);
  const since = (row: Summary): string => row.waiting_since ?? "";
  return (a, b) => b.priority - a.priority || rise(since(a), since(b)) || rise(a.id, b.id);
}

/** Where `row` goes in `sorted` (its index if it is there). */
export function place(sorted: readonly Summary[], row: Summary, order: (a: Summary, b: Summary) => number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const here = sorted[middle];
    if (here && order(here, row) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Counts after a conversation changed from `before` (null: not known here) to `after`. */
export function recount(counts: Counts, before: Summary | null, after: Summary, me: string): Counts {
  const next = { ...counts };
  for (const view of ["mine", "queue", "bot", "all"] as const) {
    if (!before && view === "all" && after.last_seq > 1) continue;
    const step = Number(belongs(after, view, me)) - Number(before !== null && belongs(before, view, me));
    next[view] = Math.max(0, next[view] + step);
  }
  return next;
}
