/** One open conversation: its log, kept whole by events, `sync` on a gap, and older pages. */
import { batch, signal } from "@preact/signals";
import { Log } from "../../shared/log";
import type {
  AgentMessage,
  AgentSyncAck,
  Author,
  Brief,
  Contact,
  ConversationDetail,
  MessagePage,
  Refused,
  SeenEvent,
  Summary,
  Sync,
} from "../../shared/types";
import { type Api, ApiError, conversationPath } from "./api";

const TYPING_MS = 6000;
const SYNC_ROUNDS = 100;

/** What a thread needs of the world around it. */
export interface ThreadWorld {
  api: Api;
  sync(query: Sync): Promise<AgentSyncAck | Refused>;
  upsert(row: Summary): void;
}

export class Thread {
  readonly messages = signal<readonly AgentMessage[]>([]);
  readonly older = signal(false);
  readonly brief = signal<Brief | null>(null);
  readonly contact = signal<Contact | null>(null);
  readonly viewing = signal<readonly Author[]>([]);
  /** Words such as "Aya is typing", or null. */
  readonly typing = signal<string | null>(null);
  readonly ready = signal(false);
  readonly error = signal<ApiError | null>(null);
  readonly paging = signal<"idle" | "busy" | "failed">("idle");
  /** Highest seq the customer has read. */
  readonly seen = signal(0);
  private log = new Log<AgentMessage>();
  private syncing = false;
  private again = false;
  private typingTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly id: string,
    private readonly world: ThreadWorld,
  ) {}

  async load(): Promise<void> {
    this.error.value = null;
    try {
      const detail = await this.world.api.get<ConversationDetail>(conversationPath(this.id));
      batch(() => this.take(detail));
    } catch (error) {
      if (error instanceof ApiError) this.error.value = error;
    }
  }

  async loadOlder(): Promise<void> {
    const first = this.messages.peek()[0];
    if (!first || !this.older.peek() || this.paging.peek() === "busy") return;
    this.paging.value = "busy";
    try {
      const path = `${conversationPath(this.id)}/messages?before=${first.seq}`;
      const page = await this.world.api.get<MessagePage>(path);
      batch(() => {
        this.log.merge(this.id, { messages: page.messages, rev: 0 });
        this.messages.value = this.log.messages;
        this.older.value = page.older;
        this.paging.value = "idle";
      });
    } catch {
      this.paging.value = "failed";
    }
  }

  /** A `message` event. One that does not follow what is here means something was missed. */
  onMessage(message: AgentMessage): void {
    if (!this.ready.peek()) return;
    if (this.log.add(message) === "gap") void this.sync();
    else this.show([message]);
    if (message.sender === "contact") this.setTyping(null);
  }

  onUpdated(message: AgentMessage): void {
    if (this.log.update(message)) this.show([message]);
  }

  setTyping(words: string | null): void {
    clearTimeout(this.typingTimer);
    this.typing.value = words;
    if (words) this.typingTimer = setTimeout(() => this.setTyping(null), TYPING_MS);
  }

  onSeen(event: SeenEvent): void {
    if (event.sender === "contact") this.seen.value = Math.max(this.seen.peek(), event.seq);
  }

  /** Fetch what is missing: by the socket, or by HTTP if the socket cannot. */
  async sync(): Promise<void> {
    if (!this.ready.peek()) return;
    this.again = this.syncing;
    if (this.syncing) return;
    this.syncing = true;
    if (!(await this.pull())) await this.load();
    this.syncing = false;
    if (this.again) await this.sync();
  }

  private async pull(): Promise<boolean> {
    for (let round = 0; round < SYNC_ROUNDS; round++) {
      const ack = await this.world.sync({ conversation: this.id, after: this.log.last, rev: this.log.rev });
      if (!ack.ok) return false;
      const have = this.log.messages[0]?.seq ?? 1;
      const changed = ack.changed.filter((message) => message.seq >= have);
      batch(() => {
        this.log.merge(this.id, { messages: ack.messages, changed, rev: ack.rev });
        this.show([...ack.messages, ...changed]);
        this.world.upsert(ack.conversation);
      });
      if (!ack.next) return true;
    }
    return false;
  }

  private take(detail: ConversationDetail): void {
    const first = detail.messages[0];
    const joins = this.ready.peek() && (!first || first.prev <= this.log.last);
    if (!joins) {
      this.log = new Log<AgentMessage>();
      this.older.value = detail.older;
    }
    this.log.merge(this.id, { messages: detail.messages, rev: detail.conversation.rev });
    this.messages.value = this.log.messages;
    this.brief.value = detail.brief;
    this.contact.value = detail.contact;
    this.viewing.value = detail.viewing;
    this.ready.value = true;
    this.world.upsert(detail.conversation);
  }

  private show(news: readonly AgentMessage[]): void {
    this.messages.value = this.log.messages;
    const brief = news.filter((message) => message.activity?.brief).at(-1)?.activity?.brief;
    if (brief) this.brief.value = brief;
  }
}
