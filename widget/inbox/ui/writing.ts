/** The composer's state: tab, draft, files, and what stands in the way of sending. */
import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Summary } from "../../shared/types";
import { lastFromContact } from "../core/arrange";
import type { Draft, Tab } from "../core/drafts";
import type { Thread } from "../core/thread";
import { type Attached, useFiles } from "./attach";
import { useDesk } from "./context";
import { useTypingSignal } from "./typing";

const NOTE_MAX = 8000;
const NOTE_FILES = 10;
const ASKED_MS = 2000;

export interface Writing {
  field: RefObject<HTMLTextAreaElement | null>;
  tab: Signal<Tab>;
  draft: Signal<Draft>;
  attached: Attached;
  note: boolean;
  /** The customer opted out: only notes can be written. */
  barred: boolean;
  limit: number;
  filesMax: number;
  ready: boolean;
  choose(tab: Tab): void;
  change(text: string): void;
  rest(): void;
  send(): void;
}

/** The field is as high as its text, up to what the sheet allows. */
function useGrowing(field: RefObject<HTMLTextAreaElement | null>, text: string, tab: Tab): void {
  useLayoutEffect(() => {
    const node = field.current;
    if (!node) return;
    node.style.height = "auto";
    node.style.height = `${node.scrollHeight}px`;
  }, [text, tab]);
}

export function useWriting(thread: Thread, row: Summary): Writing {
  const desk = useDesk();
  const { drafts, sends, screen, people } = desk;
  const field = useRef<HTMLTextAreaElement>(null);
  const tab = useSignal<Tab>("text");
  const draft = useSignal(drafts.get(row.id, "text"));
  const attached = useFiles(desk);
  const tellTyping = useTypingSignal(row.id);
  const asked = screen.compose.value;
  const inbox = people.inboxes.value.get(row.inbox);
  const note = tab.value === "note";
  const barred = row.opted_out && !note;
  const limit = note ? NOTE_MAX : (inbox?.text_max ?? NOTE_MAX);
  const { text } = draft.value;
  const files = attached.files.value;
  const complete = (text.trim() !== "" || files.length > 0) && files.every((file) => file.state === "ready");
  const ready = !barred && complete && text.length <= limit;
  useGrowing(field, text, tab.value);

  const choose = (next: Tab): void => {
    tab.value = next;
    draft.value = drafts.get(row.id, next);
  };
  useLayoutEffect(() => {
    if (asked.conversation !== row.id || Date.now() - asked.at > ASKED_MS) return;
    choose(asked.tab);
    field.current?.focus();
  }, [asked]);

  const change = (next: string): void => {
    const seen = text ? draft.value.seen : lastFromContact(thread.messages.peek());
    draft.value = { text: next, seen };
    drafts.set(row.id, tab.value, draft.value);
    if (!note) tellTyping(next !== "");
  };
  const send = (): void => {
    if (!ready) return;
    sends.add(row.id, tab.value, text.trim(), attached.take());
    change("");
    field.current?.focus();
  };
  const filesMax = note ? NOTE_FILES : (inbox?.media_out ?? 0);
  const rest = (): void => tellTyping(false);
  return { field, tab, draft, attached, note, barred, limit, filesMax, ready, choose, change, rest, send };
}
