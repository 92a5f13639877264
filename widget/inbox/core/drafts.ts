/** What an agent has begun to write, kept per conversation and tab until it is sent. */
import { keys, readObject, write } from "../../shared/storage";
import type { WriteMessage } from "../../shared/types";

export interface Draft {
  text: string;
  /** The customer's last message when the draft began, so that a newer one can be pointed out. */
  seen: number;
}

export type Tab = NonNullable<WriteMessage["kind"]>;

export interface Drafts {
  get(conversation: string, tab: Tab): Draft;
  set(conversation: string, tab: Tab, draft: Draft | null): void;
  clear(): void;
}

export function createDrafts(agent: string): Drafts {
  const prefix = `frontdesk.desk.draft.${agent}.`;
  return {
    get: (conversation, tab) => ({ text: "", seen: 0, ...readObject<Draft>(`${prefix}${conversation}.${tab}`) }),
    set: (conversation, tab, draft) =>
      write(`${prefix}${conversation}.${tab}`, draft?.text ? JSON.stringify(draft) : null),
    clear: () => {
      for (const key of keys(prefix)) write(key, null);
    },
  };
}
