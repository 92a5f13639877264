/** Replies and notes on their way: shown at once, sent in order, kept until the log has them or the writer gives up. */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { type Entry, Outbox } from "../../shared/outbox";
import { keys, write } from "../../shared/storage";
import type { Message, Summary, WriteMessage, Written } from "../../shared/types";
import { type Api, ApiError, conversationPath } from "./api";
import type { Tab } from "./drafts";

export interface Pending extends Entry {
  tab: Tab;
}

export interface SendsWorld {
  api: Api;
  agent: string;
  row(conversation: string): Summary | null;
  /** Make the chat ours first if it is not; false: refused, the person was told. */
  own(conversation: string): Promise<boolean>;
  written(conversation: string, answer: Written): void;
  stale(conversation: string): Promise<void>;
}

const TABS: readonly Tab[] = ["text", "note"];

export class Sends {
  private readonly changed = signal(0);
  private readonly boxes = new Map<string, Outbox>();
  private readonly busy = new Set<string>();

  constructor(private readonly world: SendsWorld) {}

  /** What this conversation still waits for, oldest first. */
  pending(conversation: string): ReadonlySignal<readonly Pending[]> {
    return computed(() => {
      void this.changed.value;
      const all = TABS.flatMap((tab) => this.box(conversation, tab).entries.map((entry) => ({ ...entry, tab })));
      return all.sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
    });
  }

  add(conversation: string, tab: Tab, text: string, files: readonly { id: string; name: string }[]): void {
    const label = files.map((file) => file.name).join(", ");
    this.box(conversation, tab).add({ text, attachments: files.map((file) => file.id), choice: null, label });
    this.tell();
    void this.flush(conversation, tab);
  }

  retry(conversation: string, entry: Pending): void {
    this.box(conversation, entry.tab).retry(entry.client_id);
    this.tell();
    void this.flush(conversation, entry.tab);
  }

  remove(conversation: string, entry: Pending): void {
    this.box(conversation, entry.tab).remove(entry.client_id);
    this.tell();
  }

  /** Drop what the log shows by now. */
  settle(conversation: string, messages: readonly Message[]): void {
    for (const tab of TABS) this.box(conversation, tab).settle(messages);
    this.tell();
  }

  /** Connected again, or the thread was loaded: what waited here goes out. */
  resume(conversation: string): void {
    for (const tab of TABS) {
      const box = this.box(conversation, tab);
      for (const entry of box.entries) if (entry.error?.code === "unavailable") box.retry(entry.client_id);
      void this.flush(conversation, tab);
    }
    this.tell();
  }

  waiting(): boolean {
    return [...this.boxes.values()].some((box) => box.entries.some((entry) => entry.seq === null));
  }

  clear(): void {
    for (const key of keys(this.prefix())) write(key, null);
    this.boxes.clear();
    this.tell();
  }

  private prefix(): string {
    return `frontdesk.desk.send.${this.world.agent}.`;
  }

  private box(conversation: string, tab: Tab): Outbox {
    const key = `${conversation}/${tab}`;
    const known = this.boxes.get(key);
    if (known) return known;
    const box = new Outbox(`${this.prefix()}${conversation}.${tab}.`);
    this.boxes.set(key, box);
    return box;
  }

  private tell(): void {
    this.changed.value++;
  }

  private async flush(conversation: string, tab: Tab): Promise<void> {
    const key = `${conversation}/${tab}`;
    if (this.busy.has(key) || !this.world.row(conversation)) return;
    this.busy.add(key);
    const box = this.box(conversation, tab);
    for (let entry = box.next(); entry; entry = box.next()) {
      await this.deliver(conversation, tab, box, entry);
      this.tell();
    }
    this.busy.delete(key);
  }

  private async deliver(conversation: string, tab: Tab, box: Outbox, entry: Entry): Promise<void> {
    try {
      if (tab === "text" && !(await this.world.own(conversation))) throw new ApiError(409, { code: "stale" });
      const body: WriteMessage = {
        client_id: entry.client_id,
        kind: tab,
        text: entry.text,
        attachments: entry.attachments,
        version: this.world.row(conversation)?.version ?? 0,
      };
      const answer = await this.world.api.send<Written>("POST", `${conversationPath(conversation)}/messages`, body);
      box.acked(entry.client_id, answer.seq ?? 0);
      this.world.written(conversation, answer);
    } catch (error) {
      const known = error instanceof ApiError ? error : new ApiError(0, { code: "unavailable" });
      const code = known.code === "offline" ? "unavailable" : known.code;
      box.failed(entry.client_id, { code: code as NonNullable<NonNullable<Entry["error"]>["code"]>, message: known.message });
      if (known.code === "stale") await this.world.stale(conversation);
    }
  }
}
