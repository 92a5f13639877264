/** The visitor's side of one conversation: what is known, what is unsent, and how the hub is told. No screen in here. */
import { Log } from "../shared/log";
import { type Draft, Outbox } from "../shared/outbox";
import { Socket, type State } from "../shared/transport";
import type {
  Conversation,
  ErrorBody,
  InboxInfo,
  Message,
  Page,
  Rate,
  Ready,
  Refused,
  Seen,
  SeenEvent,
  Send,
  SendAck,
  Sync,
  SyncAck,
  Typing,
  TypingEvent,
} from "../shared/types";
import { type Boot, keptAt, tell } from "./boot";
import { page, Session } from "./session";
import { Timers } from "./timers";

const SYNC_MS = 30_000;
const ECHO_MS = 3_000;
const BUSY_MS = 4_000;
const TYPING_MS = 10_000;
const SAY_TYPING_MS = 3_000;
const TITLE_MS = 300;

type Done = { ok: true };
type Requests = {
  send: [Send, SendAck];
  sync: [Sync, SyncAck];
  typing: [Typing, Done];
  seen: [Seen, Done];
  rate: [Rate, Done];
  page: [Page, Done];
  end: [object, Done];
};

export class Chat {
  readonly log = new Log();
  readonly outbox: Outbox;
  readonly session: Session;
  state: State = "closed";
  error: ErrorBody | undefined;
  inbox: InboxInfo | null = null;
  conversation: Conversation | null = null;
  typing: TypingEvent | null = null;
  /** Highest seq the visitor has looked at. */
  seen = 0;
  readonly #socket: Socket<Requests>;
  #ready = false;
  #flushing = false;
  #syncing = false;
  #saidTyping = 0;
  /** Address of the page that the hub knows us on. */
  #at = page().url;
  readonly #timers = new Timers();

  readonly #changed: () => void;

  constructor(
    readonly hub: string,
    boot: Boot,
    locale: () => string,
    changed: () => void,
  ) {
    this.#changed = changed;
    this.session = new Session(boot, locale);
    this.outbox = new Outbox(keptAt(boot.key));
    this.#socket = new Socket({
      hub,
      namespace: "/visitor",
      auth: () => this.session.auth(),
      onEvent: (name, data) => this.#receive(name, data),
      onState: (state, error) => this.#moved(state, error),
    });
  }

  connect(): void {
    this.#socket.open();
    this.#beat();
  }

  close(): void {
    this.#timers.clear();
    this.#socket.close();
  }

  get unread(): number {
    return this.log.messages.filter((item) => item.seq > this.seen && item.sender !== "contact" && item.kind === "text")
      .length;
  }

  send(draft: Draft): void {
    this.outbox.add(draft);
    this.session.keep({ talk: true });
    this.#saidTyping = 0;
    this.#arrive();
    this.#changed();
    void this.#flush();
  }

  retry(clientId: string): void {
    this.outbox.retry(clientId);
    this.#changed();
    void this.#flush();
  }

  discard(clientId: string): void {
    this.outbox.remove(clientId);
    this.#changed();
  }

  /** The visitor is at the keyboard; said at most every three seconds, taken back after a pause or at once if `on` is false. */
  type(on: boolean): void {
    if (!this.conversation) return;
    this.#timers.set("pause", on ? SAY_TYPING_MS + 1_000 : null, () => this.type(false));
    const now = Date.now();
    if (on ? now - this.#saidTyping < SAY_TYPING_MS : !this.#saidTyping) return;
    this.#saidTyping = on ? now : 0;
    void this.#socket.request("typing", { on });
  }

  /** The visitor looks at the end of the log. */
  look(): void {
    const { id, messages } = this.log;
    const seq = messages.findLast(({ sender }) => sender !== "contact")?.seq ?? 0;
    if (!id || seq <= this.seen) return;
    this.seen = seq;
    this.session.keep({ seen: { conversation: id, seq } });
    void this.#socket.request("seen", { seq });
    tell("unread", { count: 0 });
  }

  /** Say what needs no keeping: it is asked once, now. */
  ask<K extends "rate" | "end">(name: K, data: Requests[K][0]): Promise<Requests[K][1] | Refused> {
    return this.#socket.request(name, data);
  }

  /** The visitor may have gone to another page of the site, which then sets its title. */
  navigated(): void {
    this.#timers.set("page", TITLE_MS, () => this.#arrive());
  }

  #arrive(): void {
    const here = page();
    if (!this.#ready || here.url === this.#at) return;
    this.#at = here.url;
    void this.#socket.request("page", here);
  }

  #moved(state: State, error?: ErrorBody): void {
    this.state = state;
    if (state !== "online" && state !== "connecting") {
      this.#ready = false;
      this.typing = null;
      this.session.done();
    }
    if (state === "refused") {
      tell("error", { ...error });
      // Without its token this browser begins again as somebody new, with what was not sent yet.
      if (error?.code === "unauthorized" && error.field === "token" && this.session.disown())
        return void setTimeout(() => this.#socket.open());
      this.error = error;
    }
    this.#changed();
  }

  #receive(name: string, data: unknown): void {
    if (name === "ready") this.#start(data as Ready);
    if (!this.#ready) return;
    if (name === "message") this.#add(data as Message);
    if (name === "updated") this.log.update(data as Message);
    if (name === "conversation") this.#know(data as Conversation);
    if (name === "typing") this.#types(data as TypingEvent);
    if (name === "seen") this.#sawUs(data as SeenEvent);
    this.#changed();
  }

  #start(ready: Ready): void {
    const { conversation } = ready;
    const fresh = conversation?.id !== this.log.id;
    this.session.signedIn(ready.token);
    this.inbox = ready.inbox;
    this.error = undefined;
    this.#ready = true;
    if (!conversation) this.log.clear();
    else if (fresh) this.log.merge(conversation.id, ready);
    this.conversation = conversation;
    if (fresh) this.#recall();
    this.outbox.settle(this.log.messages);
    if (conversation) this.session.keep({ talk: true });
    if (conversation && (!fresh || ready.next)) void this.#sync();
    void this.#flush();
    tell("ready");
  }

  #recall(): void {
    const { seen } = this.session.kept();
    this.seen = seen && seen.conversation === this.log.id ? seen.seq : 0;
  }

  #add(message: Message): void {
    if (!this.#enter(message.conversation)) return;
    const added = this.log.add(message);
    if (added === "gap") return void this.#sync();
    this.outbox.settle([message]);
    if (this.typing?.sender === message.sender) this.typing = null;
    const { seq, sender, text, kind } = message;
    if (added !== "added" || sender === "contact" || kind !== "text") return;
    tell("message", { seq, sender, text });
    tell("unread", { count: this.unread });
  }

  #know(news: Conversation): void {
    if (!this.#enter(news.id) || (this.conversation && news.rev < this.conversation.rev)) return;
    this.conversation = news;
    if (news.status === "resolved") this.typing = null;
    this.#expect(news.last_seq);
  }

  #types(event: TypingEvent): void {
    if (event.conversation !== this.log.id || event.sender === "contact") return;
    this.typing = event.on ? event : null;
    this.#timers.set("typing", TYPING_MS, () => {
      this.typing = null;
      this.#changed();
    });
  }

  #sawUs(event: SeenEvent): void {
    const { conversation } = this;
    if (conversation?.id !== event.conversation || event.sender === "contact") return;
    this.conversation = { ...conversation, seen: Math.max(conversation.seen, event.seq) };
  }

  /** Ask for what we lack until nothing is left; a page that brings nothing new ends it too. */
  async #sync(): Promise<void> {
    const { log } = this;
    if (this.#syncing || !log.id) return;
    this.#syncing = true;
    for (let more = true; more && log.id;) {
      const conversation: string = log.id;
      const { last: after, rev } = log;
      const ack: SyncAck | Refused = await this.#socket.request("sync", { conversation, after, rev });
      if (!ack.ok || log.id !== conversation) break;
      log.merge(conversation, ack);
      this.conversation = ack.conversation;
      this.outbox.settle(ack.messages);
      more = ack.next && (log.last > after || log.rev > rev);
    }
    this.#syncing = false;
    this.#changed();
  }

  /** The log reaches `seq`: its events usually come along; if they got lost, sync fetches them. */
  #expect(seq: number): void {
    if (seq > this.log.last) this.#timers.set("echo", ECHO_MS, () => void this.#sync());
  }

  /** A safety net under the pushed events, while somebody looks. */
  #beat(): void {
    this.#timers.set("beat", SYNC_MS, () => {
      if (this.#ready && !document.hidden) void this.#sync();
      this.#beat();
    });
  }

  /** Send what waits, one after the other, so that it is stored in the order it was written. */
  async #flush(): Promise<void> {
    if (this.#flushing || !this.#ready) return;
    this.#flushing = true;
    for (let entry = this.outbox.next(); entry && this.#ready; entry = this.outbox.next()) {
      const { client_id, text, attachments, choice } = entry;
      const ack = await this.#socket.request("send", { client_id, text, attachments, choice });
      if (ack.ok) this.#acked(client_id, ack);
      else if (ack.error.code !== "unavailable") this.outbox.failed(client_id, ack.error);
      else {
        this.#timers.set("flush", BUSY_MS, () => void this.#flush());
        break;
      }
      this.#changed();
    }
    this.#flushing = false;
  }

  #acked(clientId: string, { conversation, seq, duplicate }: SendAck): void {
    const before = this.log.id;
    if (duplicate && before && conversation !== before) return this.outbox.remove(clientId);
    this.#enter(conversation);
    this.outbox.acked(clientId, seq);
    this.outbox.settle(this.log.messages);
    this.#expect(seq);
  }

  /** Turn to a conversation. False: it is one we have left. */
  #enter(id: string): boolean {
    if (this.log.id === id) return true;
    if (!this.log.enter(id)) return false;
    if (this.conversation?.id !== id) this.conversation = null;
    this.typing = null;
    this.outbox.forgetSent();
    this.#recall();
    return true;
  }
}
