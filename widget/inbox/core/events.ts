/** What each event of the agents' socket does to the desk. */
import type { Notification, Summary, TypingEvent } from "../../shared/types";
import type { Desk } from "./desk";
import type { Handlers } from "./live";
import { contactName } from "./names";

type Needs = Pick<Desk, "me" | "words" | "lists" | "people" | "screen" | "notifier" | "threads" | "sends" | "open" | "select">;

function typingWords(event: TypingEvent, row: Summary | null, { words }: Needs): string {
  if (event.sender === "bot") return words.t("bot_thinking");
  return words.t("typing", { name: event.name || contactName(row, words) });
}

function notice(event: Notification, desk: Needs): void {
  const { words, screen, select } = desk;
  const run = (): void => select(event.conversation);
  desk.notifier.show(event, run);
  if (event.what !== "assigned" || event.conversation === desk.open.peek()) return;
  screen.toast([event.title, event.text].filter(Boolean).join(": "), { action: { label: words.t("open"), run } });
}

export function createHandlers(desk: Needs): Handlers {
  const { lists, threads, sends, people, me } = desk;
  return {
    conversation: (event) => lists.upsert(event),
    message: (event) => {
      const thread = threads.peek(event.conversation);
      thread?.onMessage(event);
      if (thread) sends.settle(event.conversation, thread.messages.peek());
    },
    updated: (event) => threads.peek(event.conversation)?.onUpdated(event),
    seen: (event) => threads.peek(event.conversation)?.onSeen(event),
    viewing: (event) => {
      const thread = threads.peek(event.conversation);
      if (thread) thread.viewing.value = event.agents;
    },
    typing: (event) => {
      if (event.sender === "agent" && event.name === me.name) return;
      const row = lists.row(event.conversation)?.peek() ?? null;
      threads.peek(event.conversation)?.setTyping(event.on ? typingWords(event, row, desk) : null);
    },
    presence: (event) => people.onPresence(event),
    notification: (event) => notice(event, desk),
  };
}
