/**
 * What was written here and is not yet known to be stored. One storage key per entry, so that tabs do not overwrite
 * each other; a repeat is harmless because the server knows the `client_id`.
 */
import { keys, readObject, write } from "./storage";
import type { Choice, ErrorBody, Message, Send } from "./types";

export interface Entry extends Required<Pick<Send, "client_id" | "text" | "attachments">> {
  choice: Choice | null;
  /** What to show while the server's message is not here: a button's title, the names of files. */
  label: string;
  created_at: string;
  /** Set by the ack. */
  seq: number | null;
  error: ErrorBody | null;
}

export type Draft = Pick<Entry, "text" | "attachments" | "choice" | "label">;

/** crypto.randomUUID exists on secure pages only. */
export const newId = (): string =>
  crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16)).join("");

export class Outbox {
  entries: readonly Entry[] = [];

  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.entries = keys(prefix)
      .map((key) => readObject<Entry>(key) as Entry)
      .filter((entry) => typeof entry.client_id === "string" && typeof entry.created_at === "string")
      .sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
  }

  add(draft: Draft): Entry {
    const entry = { ...draft, client_id: newId(), created_at: this.#now(), seq: null, error: null };
    this.entries = [...this.entries, entry];
    this.#save(entry);
    return entry;
  }

  /** The next one to send: in order, failed ones wait for their writer. */
  next(): Entry | undefined {
    return this.entries.find((entry) => entry.seq === null && !entry.error);
  }

  acked(clientId: string, seq: number): void {
    this.#change(clientId, { seq });
    write(this.#prefix + clientId, null);
  }

  failed(clientId: string, error: ErrorBody): void {
    this.#change(clientId, { error });
  }

  retry(clientId: string): void {
    this.#change(clientId, { error: null });
  }

  remove(clientId: string): void {
    this.entries = this.entries.filter((entry) => entry.client_id !== clientId);
    write(this.#prefix + clientId, null);
  }

  /** Drop what the log shows by now. */
  settle(messages: readonly Message[]): void {
    for (const { client_id } of messages) {
      if (client_id && this.entries.some((entry) => entry.client_id === client_id)) this.remove(client_id);
    }
  }

  /** Their conversation is no longer the one shown. */
  forgetSent(): void {
    this.entries = this.entries.filter((entry) => entry.seq === null);
  }

  clear(): void {
    for (const entry of this.entries) this.remove(entry.client_id);
  }

  #change(clientId: string, news: Partial<Entry>): void {
    this.entries = this.entries.map((entry) => {
      if (entry.client_id !== clientId) return entry;
      const changed = { ...entry, ...news };
      this.#save(changed);
      return changed;
    });
  }

  #save(entry: Entry): void {
    write(this.#prefix + entry.client_id, JSON.stringify(entry));
  }

  /** Never before the entry ahead of it, even if the clock is set back. */
  #now(): string {
    const now = new Date().toISOString();
    const last = this.entries.at(-1)?.created_at ?? now;
    return last < now ? now : new Date(Date.parse(last) + 1).toISOString();
  }
}
