/* Made by `npm run types` from models/wire.py and models/http.py. Do not edit. */

export type Availability = "online" | "away" | "offline";
export type Delivery = "stored" | "queued" | "sent" | "delivered" | "read" | "failed" | "uncertain";
export type ErrorCode =
  | "bad_request"
  | "unknown_event"
  | "too_long"
  | "unauthorized"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "stale"
  | "key_reused"
  | "rate_limited"
  | "origin_not_allowed"
  | "reload_required"
  | "unavailable"
  | "opted_out";
export type Kind = "text" | "note" | "activity";
export type MAX_TEXT = 8000;
export type PROTOCOL = 1;
export type Role = "agent" | "supervisor" | "trainer" | "admin";
export type Sender = "contact" | "agent" | "bot" | "system";
export type Status = "pending" | "open" | "snoozed" | "resolved";
export type View = "mine" | "queue" | "bot" | "all" | "resolved";

/**
 * What happened, as data; screens word it in the reader's language.
 */
export interface Activity {
  brief: Brief | null;
  by: Author | null;
  data: {
    [k: string]: unknown;
  };
  reason: string | null;
  to: Author | null;
  what:
    | "handed_over"
    | "claimed"
    | "assigned"
    | "released"
    | "handed_back"
    | "resolved"
    | "reopened"
    | "snoozed"
    | "opted_out"
    | "opted_in"
    | "linked"
    | "unlinked"
    | "rated";
}
/**
 * What the agent should know at a hand-over, so that the customer repeats nothing.
 */
export interface Brief {
  asked: string;
  confidence: number | null;
  intents: string[];
  reason: string;
  slots: {
    [k: string]: unknown;
  };
  waiting_for: string | null;
}
/**
 * Who wrote a message, as a reader may know them.
 */
export interface Author {
  id: string;
  name: string;
}
/**
 * A row of ``GET /api/agents``.
 */
export interface Agent {
  availability: "online" | "away" | "offline";
  capacity: number;
  id: string;
  load: number;
  name: string;
  role: "agent" | "supervisor" | "trainer" | "admin";
}
/**
 * What an agent's socket sends with CONNECT; ``token`` is the sign-in's socket token from ``GET /api/session``.
 */
export interface AgentAuth {
  token: string;
  v: number;
}
/**
 * A message as agents see it: notes too, with the bot's reading, the page and the delivery's error.
 *
 * ``public``: the customer sees it as well.
 */
export interface AgentMessage {
  activity: Activity | null;
  attachments: Attachment[];
  author: Author | null;
  buttons: Button[];
  chosen: number[] | null;
  client_id: string | null;
  conversation: string;
  created_at: string;
  error: string | null;
  kind: "text" | "note" | "activity";
  page: {
    [k: string]: unknown;
  } | null;
  prev: number;
  public: boolean;
  removed: boolean;
  rev: number;
  sender: "contact" | "agent" | "bot" | "system";
  seq: number;
  state: "stored" | "queued" | "sent" | "delivered" | "read" | "failed" | "uncertain";
  text: string;
  trace: Trace | null;
}
/**
 * A file of a message. ``state``: ready, pending (still being fetched) or failed.
 */
export interface Attachment {
  height: number | null;
  id: string;
  media_type: string;
  name: string;
  size: number;
  state: "ready" | "pending" | "failed";
  url: string;
  width: number | null;
}
/**
 * A button under a message; its payload stays on the server.
 */
export interface Button {
  title: string;
  url: string | null;
}
/**
 * How the bot read a customer's message.
 */
export interface Trace {
  confidence: number;
  entities: Entity[];
  fallback: boolean;
  intent: string;
  model: string;
  ranking: IntentScore[];
}
/**
 * A found entity; offsets count code points.
 */
export interface Entity {
  end?: number;
  entity?: string;
  extractor?: string;
  group?: string | null;
  role?: string | null;
  start?: number;
  value?: unknown;
}
/**
 * One row of an intent ranking; confidence 0 to 1.
 */
export interface IntentScore {
  confidence: number;
  name: string;
}
/**
 * Ack of an agent's ``sync``.
 */
export interface AgentSyncAck {
  changed: AgentMessage[];
  conversation: Summary;
  messages: AgentMessage[];
  next: boolean;
  ok: true;
  rev: number;
}
/**
 * A row of the agents' list. ``version`` is the fencing number every ownership action must name.
 */
export interface Summary {
  address: string;
  assignee: Author | null;
  changed_at: string;
  contact: string;
  created_at: string;
  id: string;
  inbox: string;
  language: string | null;
  last_at: string;
  last_sender: "contact" | "agent" | "bot" | "system";
  last_seq: number;
  name: string;
  opted_out: boolean;
  preview: string;
  priority: number;
  queue_position: number | null;
  rev: number;
  snoozed_until: string | null;
  status: "pending" | "open" | "snoozed" | "resolved";
  unread: number;
  version: number;
  waiting_since: string | null;
}
/**
 * ``POST …/assign``: give it to a colleague, or (``agent`` null) back to the queue.
 */
export interface Assign {
  agent?: string | null;
  version: number;
}
/**
 * A custom attribute with provenance.
 */
export interface Attribute {
  at: string;
  by: string | null;
  name: string;
  source: "visitor" | "agent" | "bot" | "provider" | "site";
  value: string;
}
/**
 * A button the conversation really offered: message ``message_seq``, button number ``index``.
 */
export interface Choice {
  index: number;
  message_seq: number;
  values?: {
    [k: string]: string;
  } | null;
}
/**
 * ``POST …/claim``: take the chat over, from the queue, the bot or a colleague.
 */
export interface Claim {
  version: number;
}
/**
 * ``consent``: the visitor grants or withdraws one purpose.
 */
export interface Consent {
  granted: boolean;
  purpose: string;
}
/**
 * ``GET /api/contacts/{id}``: the customer record without its timeline.
 */
export interface Contact {
  attributes: Attribute[];
  created_at: string;
  email: string | null;
  id: string;
  identities: Identity[];
  language: string | null;
  name: string;
  phone: string | null;
  suggestions: Suggestion[];
}
/**
 * One address of a contact.
 */
export interface Identity {
  address: string;
  created_at: string;
  id: string;
  inbox: string;
  linked_at: string | null;
  linked_by: string | null;
  opted_out: boolean;
  proven: boolean;
}
/**
 * Another contact that may be the same person, and why we think so. Never linked without an agent.
 */
export interface Suggestion {
  contact: string;
  identity: string;
  name: string;
  reason: string;
}
/**
 * The visitor's view of a conversation.
 */
export interface Conversation {
  agent: Author | null;
  id: string;
  last_seq: number;
  queue_position: number | null;
  rated: number | null;
  rev: number;
  seen: number;
  status: "pending" | "open" | "snoozed" | "resolved";
}
/**
 * ``GET /api/conversations/{id}``: everything to open a thread with; ``older`` tells whether to page back.
 */
export interface ConversationDetail {
  brief: Brief | null;
  contact: Contact;
  conversation: Summary;
  messages: AgentMessage[];
  older: boolean;
  viewing: Author[];
}
/**
 * ``GET /api/conversations?view=&cursor=&q=``: newest activity first (queue: longest waiting first).
 */
export interface ConversationPage {
  counts: Counts;
  cursor: string | null;
  items: Summary[];
}
/**
 * Open conversations per view.
 */
export interface Counts {
  all: number;
  bot: number;
  mine: number;
  queue: number;
}
/**
 * ``PATCH /api/contacts/{id}``: what the agent learned; null removes.
 */
export interface EditContact {
  attributes?: {
    [k: string]: string | null;
  };
  name?: string | null;
}
/**
 * ``end``: the visitor closes the conversation.
 */
export interface End {}
/**
 * A refusal: ``field`` names what was wrong, ``retry_after`` is in seconds.
 */
export interface ErrorBody {
  code?:
    | "bad_request"
    | "unknown_event"
    | "too_long"
    | "unauthorized"
    | "forbidden"
    | "not_found"
    | "conflict"
    | "stale"
    | "key_reused"
    | "rate_limited"
    | "origin_not_allowed"
    | "reload_required"
    | "unavailable"
    | "opted_out";
  field?: string;
  message?: string;
  retry_after?: number;
}
/**
 * ``POST …/hand-back``: let the bot go on, with slots the agent learned.
 */
export interface HandBack {
  slots?: {
    [k: string]: unknown;
  };
  version: number;
}
/**
 * A row of ``GET /api/inboxes``: with the channel's traits, so that no screen asks which channel it is.
 */
export interface Inbox {
  channel: string;
  icon: string;
  id: string;
  media_out: number;
  name: string;
  opt_out: boolean;
  receipts: "none" | "delivered" | "read";
  simulated: boolean;
  text_max: number;
}
/**
 * What a visitor's screen needs to know of its inbox.
 */
export interface InboxInfo {
  bot_name: string | null;
  color: string | null;
  greeting: string;
  name: string;
  starters: string[];
  uploads: boolean;
}
/**
 * ``POST /api/contacts/{id}/link``: this identity is the same person (with the agent's name; can be undone).
 */
export interface LinkIdentity {
  identity: string;
  reason?: string;
}
/**
 * ``POST …/read``.
 */
export interface MarkRead {
  seq: number;
}
/**
 * ``GET /api/session``. ``csrf`` goes into ``X-CSRF-Token`` on every unsafe request, ``socket`` into CONNECT.
 */
export interface Me {
  csrf: string;
  dev: boolean;
  email: string;
  id: string;
  name: string;
  role: "agent" | "supervisor" | "trainer" | "admin";
  socket: string;
}
/**
 * A message as its visitor sees it. ``prev`` is the previous seq this reader may see: a gap means ``sync``.
 */
export interface Message {
  activity: Activity | null;
  attachments: Attachment[];
  author: Author | null;
  buttons: Button[];
  chosen: number[] | null;
  client_id: string | null;
  conversation: string;
  created_at: string;
  kind: "text" | "note" | "activity";
  prev: number;
  removed: boolean;
  rev: number;
  sender: "contact" | "agent" | "bot" | "system";
  seq: number;
  state: "stored" | "queued" | "sent" | "delivered" | "read" | "failed" | "uncertain";
  text: string;
}
/**
 * ``GET /api/conversations/{id}/messages?before=seq``.
 */
export interface MessagePage {
  messages: AgentMessage[];
  older: boolean;
}
/**
 * Something the agent should notice: a chat was assigned to them, or waits.
 */
export interface Notification {
  conversation: string;
  text: string;
  title: string;
  what: "assigned" | "waiting" | "message";
}
/**
 * The page a visitor is on. The hub drops the query and fragment before storing it.
 */
export interface Page {
  referrer?: string;
  title?: string;
  url: string;
}
/**
 * An agent's availability changed.
 */
export interface PresenceEvent {
  agent: string;
  availability: "online" | "away" | "offline";
}
/**
 * RFC 9457 problem of every refused HTTP request; ``code`` as on the socket.
 */
export interface Problem {
  code?: string;
  detail?: string;
  field?: string;
  retry_after?: number;
  status?: number;
  title?: string;
  type?: string;
}
/**
 * ``rate``: 1 (bad) to 5 (good).
 */
export interface Rate {
  comment?: string;
  score: number;
}
/**
 * First event after a visitor's CONNECT.
 */
export interface Ready {
  contact: string | null;
  conversation: Conversation | null;
  inbox: InboxInfo;
  messages: Message[];
  next: boolean;
  rev: number;
  token: string;
}
/**
 * The ack of a refused event.
 */
export interface Refused {
  error: ErrorBody;
  ok: false;
}
/**
 * ``POST …/reopen``: to the agent who asks for it.
 */
export interface Reopen {
  version: number;
}
/**
 * ``POST …/resolve``.
 */
export interface Resolve {
  version: number;
}
/**
 * ``seen``: the visitor has read up to ``seq``.
 */
export interface Seen {
  seq: number;
}
/**
 * Somebody read up to ``seq``.
 */
export interface SeenEvent {
  conversation: string;
  sender: "contact" | "agent" | "bot" | "system";
  seq: number;
}
/**
 * ``send``: text, a choice, or attachments; ``client_id`` makes a repeat harmless.
 */
export interface Send {
  /**
   * @maxItems 10
   */
  attachments?: string[];
  choice?: Choice | null;
  client_id: string;
  text?: string;
}
/**
 * Ack of ``send``: stored, with its place.
 */
export interface SendAck {
  conversation: string;
  created_at: string;
  duplicate: boolean;
  ok: true;
  seq: number;
}
/**
 * ``POST /api/setup``: the one-time link's token, and who the person is (name and e-mail on first set-up only).
 */
export interface SetPassword {
  email?: string | null;
  name?: string;
  password: string;
  token: string;
}
/**
 * ``presence``: the agent's own availability.
 */
export interface SetPresence {
  availability: "online" | "away" | "offline";
}
/**
 * ``POST /api/session``.
 */
export interface SignIn {
  email: string;
  password: string;
}
/**
 * ``POST /api/simulator/{inbox}``: a text from a make-believe phone (development switch, administrators).
 */
export interface Simulate {
  sender: string;
  text: string;
}
/**
 * ``POST …/snooze``: until a time (RFC 3339) or, null, until the customer writes.
 */
export interface Snooze {
  until?: string | null;
  version: number;
}
/**
 * ``sync``: everything after seq ``after``, and what changed after ``rev``.
 */
export interface Sync {
  after: number;
  conversation: string;
  rev: number;
}
/**
 * Ack of a visitor's ``sync``; ``next`` is true when more is waiting (call again).
 */
export interface SyncAck {
  changed: Message[];
  conversation: Conversation;
  messages: Message[];
  next: boolean;
  ok: true;
  rev: number;
}
/**
 * ``GET /api/contacts/{id}/timeline?cursor=``.
 */
export interface Timeline {
  cursor: string | null;
  items: TimelineItem[];
}
/**
 * One entry of a contact's timeline: a message of any conversation on any channel, newest first.
 */
export interface TimelineItem {
  activity: Activity | null;
  at: string;
  attachments: Attachment[];
  author: Author | null;
  conversation: string;
  inbox: string;
  kind: string;
  page: {
    [k: string]: unknown;
  } | null;
  sender: string;
  seq: number;
  text: string;
  trace: Trace | null;
}
/**
 * ``typing``. Agents name the conversation; a visitor has only one.
 */
export interface Typing {
  conversation?: string | null;
  on: boolean;
}
/**
 * Somebody types (or stopped). ``sender`` bot: the bot is thinking.
 */
export interface TypingEvent {
  conversation: string;
  name: string | null;
  on: boolean;
  sender: "contact" | "agent" | "bot" | "system";
}
/**
 * ``POST /uploads`` (multipart field ``file``, or a raw body with ``X-File-Name``).
 */
export interface Uploaded {
  id: string;
  media_type: string;
  name: string;
  size: number;
}
/**
 * ``viewing``: the agent has this conversation open, or none.
 */
export interface Viewing {
  conversation?: string | null;
}
/**
 * Agents who have this conversation open.
 */
export interface ViewingEvent {
  agents: Author[];
  conversation: string;
}
/**
 * What a visitor's socket sends with CONNECT.
 */
export interface VisitorAuth {
  identity?: string | null;
  key: string;
  locale?: string | null;
  page?: Page | null;
  token?: string | null;
  v: number;
}
/**
 * ``POST /api/conversations/{id}/messages``: a reply to the customer, or a note for colleagues.
 *
 * ``version`` is the fencing number the writer saw: a reply by an agent who lost the chat is refused as ``stale``.
 */
export interface WriteMessage {
  /**
   * @maxItems 10
   */
  attachments?: string[];
  client_id: string;
  kind?: "text" | "note";
  text?: string;
  version: number;
}
/**
 * Answer to a write on a conversation: the new fencing number, and the seq of a message if one was written.
 */
export interface Written {
  conversation: string;
  duplicate: boolean;
  rev: number;
  seq: number | null;
  status: "pending" | "open" | "snoozed" | "resolved";
  version: number;
}
