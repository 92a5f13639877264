/** The menus of the thread's head: to whom, and until when. */
import type { VNode } from "preact";
import type { Summary } from "../../shared/types";
import { useDesk } from "./context";
import { Menu, type MenuItem } from "./menu";

const HOUR_MS = 3_600_000;
const MORNING = 9;

export function AssignMenu({ row }: { row: Summary }): VNode {
  const { people, words, actions, me } = useDesk();
  const order = { online: 0, away: 1, offline: 2 };
  const agents = [...people.agents.value].sort((a, b) => order[a.availability] - order[b.availability] || a.load - b.load);
  const items: MenuItem[] = agents.map((agent) => ({
    id: agent.id,
    label: agent.id === me.id ? words.t("name_you", { name: agent.name }) : agent.name,
    detail: `${words.t(agent.availability)} · ${agent.load}/${agent.capacity}`,
    ...(row.assignee ? { checked: row.assignee.id === agent.id } : {}),
    run: () => void actions.assign(row.id, agent),
  }));
  if (row.status === "open" && row.assignee) {
    items.push({ id: "queue", label: words.t("release"), run: () => void actions.assign(row.id, null) });
  }
  return <Menu label={words.t("assign")} items={items} find={words.t("find_colleague")} />;
}

/** Nine in the morning, `days` from today, in the agent's zone. */
function morning(days: number): Date {
  const at = new Date();
  at.setDate(at.getDate() + days);
  at.setHours(MORNING, 0, 0, 0);
  return at;
}

export function SnoozeMenu({ id }: { id: string }): VNode {
  const { words, actions } = useDesk();
  const locale = words.locale.value;
  const toMonday = (8 - new Date().getDay()) % 7 || 7;
  const times: [key: "snooze_hour" | "snooze_hours" | "snooze_tomorrow" | "snooze_week", until: Date][] = [
    ["snooze_hour", new Date(Date.now() + HOUR_MS)],
    ["snooze_hours", new Date(Date.now() + 3 * HOUR_MS)],
    ["snooze_tomorrow", morning(1)],
    ["snooze_week", morning(toMonday)],
  ];
  const items: MenuItem[] = times.map(([key, until]) => ({
    id: key,
    label: words.t(key),
    detail: until.toLocaleString(locale, { weekday: "short", hour: "numeric", minute: "2-digit" }),
    run: () => void actions.snooze(id, until),
  }));
  items.push({ id: "reply", label: words.t("snooze_reply"), run: () => void actions.snooze(id, null) });
  return <Menu label={words.t("snooze")} items={items} />;
}
