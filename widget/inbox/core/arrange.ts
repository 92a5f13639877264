/** A log grouped for reading: day separators, quiet activity lines, and messages by sender and minute. Pure. */
import { sameDay } from "../../shared/time";
import type { AgentMessage } from "../../shared/types";

export type Item =
  | { type: "day"; key: string; at: string }
  | { type: "activity"; key: string; message: AgentMessage }
  | { type: "message"; key: string; message: AgentMessage; first: boolean; last: boolean };

const MINUTE_MS = 60_000;

function together(a: AgentMessage | undefined, b: AgentMessage | undefined): boolean {
  if (!a || !b || a.kind !== b.kind || a.kind === "activity" || a.sender !== b.sender) return false;
  if (a.author?.id !== b.author?.id || !sameDay(a.created_at, b.created_at)) return false;
  return Math.abs(Date.parse(b.created_at) - Date.parse(a.created_at)) < MINUTE_MS;
}

export function arrange(messages: readonly AgentMessage[]): Item[] {
  const items: Item[] = [];
  messages.forEach((message, index) => {
    const before = messages[index - 1];
    const key = `m-${message.seq}`;
    if (!before || !sameDay(before.created_at, message.created_at)) {
      items.push({ type: "day", key: `day-${message.seq}`, at: message.created_at });
    }
    if (message.kind === "activity") items.push({ type: "activity", key, message });
    else {
      const first = !together(before, message);
      items.push({ type: "message", key, message, first, last: !together(message, messages[index + 1]) });
    }
  });
  return items;
}

/** Seq of the customer's last message, 0 if there is none. */
export const lastFromContact = (messages: readonly AgentMessage[]): number =>
  messages.filter((message) => message.sender === "contact").at(-1)?.seq ?? 0;
