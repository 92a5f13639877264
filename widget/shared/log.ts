/** The messages of one conversation as this browser knows them, in the order of the log. The server's log is the truth. */
import type { Message } from "./types";

export type Added = "added" | "changed" | "known" | "gap" | "past";

export interface Page<M> {
  messages: M[];
  changed?: M[];
  rev: number;
}

export class Log<M extends Message = Message> {
  id: string | null = null;
  /** Every visible change up to this revision is in. */
  rev = 0;
  messages: readonly M[] = [];
  readonly #past = new Set<string>();

  /** Highest seq we hold; nothing a reader may see is missing below it. */
  get last(): number {
    return this.messages.at(-1)?.seq ?? 0;
  }

  /** Show conversation `id`, from nothing if it is new to us. False: it was left behind for a later one. */
  enter(id: string): boolean {
    if (id === this.id) return true;
    if (this.#past.has(id)) return false;
    if (this.id !== null) this.#past.add(this.id);
    this.id = id;
    this.rev = 0;
    this.messages = [];
    return true;
  }

  /** A pushed message. On `gap` it is not kept: call `sync` after `last`, which brings it too. */
  add(message: M): Added {
    if (!this.enter(message.conversation)) return "past";
    if (this.#find(message.seq)) return this.update(message) ? "changed" : "known";
    if (message.prev > this.last) return "gap";
    this.#insert(message);
    this.#advance(message.rev);
    return "added";
  }

  /** A pushed change of a message. Only news is taken: an older revision than ours arrives late. */
  update(message: M): boolean {
    const old = message.conversation === this.id ? this.#find(message.seq) : undefined;
    if (!old || old.rev >= message.rev) return false;
    this.messages = this.messages.map((item) => (item === old ? message : item));
    this.#advance(message.rev);
    return true;
  }

  /** The server's answer to `sync`, or its first page. */
  merge(id: string, page: Page<M>): void {
    this.#past.delete(id);
    this.enter(id);
    for (const message of [...page.messages, ...(page.changed ?? [])]) {
      if (!this.#find(message.seq)) this.#insert(message);
      else this.update(message);
    }
    this.rev = Math.max(this.rev, page.rev);
  }

  /** Forget everything, as on sign-out. */
  clear(): void {
    this.#past.clear();
    this.id = null;
    this.rev = 0;
    this.messages = [];
  }

  #find(seq: number): M | undefined {
    return this.messages.find((message) => message.seq === seq);
  }

  #insert(message: M): void {
    const at = this.messages.findIndex((other) => other.seq > message.seq);
    this.messages = at < 0 ? [...this.messages, message] : this.messages.toSpliced(at, 0, message);
  }

  /** A skipped revision may be one we missed, so only the very next one counts; `sync` closes the rest. */
  #advance(rev: number): void {
    if (rev === this.rev + 1) this.rev = rev;
  }
}
