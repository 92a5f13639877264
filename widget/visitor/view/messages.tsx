/** The log: bubbles grouped by sender and minute, hand-overs as thin lines, what is unsent at the end. */
import type { ComponentChildren, VNode } from "preact";
import { fill } from "../../shared/locale";
import type { Entry } from "../../shared/outbox";
import { clock, day, sameDay } from "../../shared/time";
import type { Activity, Message } from "../../shared/types";
import { botName, isMarked, isOver, say, type Ui, unrated } from "./ui";

const nodes = new WeakMap<Message, ComponentChildren>();

/** A message with links or Markdown, made into nodes once: drawing skips what is the same object. */
const body = (message: Message, ui: Ui): ComponentChildren => {
  if (!ui.extra || !isMarked(message)) return message.text;
  if (!nodes.has(message)) nodes.set(message, ui.extra.text(message));
  return nodes.get(message);
};

/** What happened, of what the hub tells visitors. */
const happened = ({ what, by, to }: Activity, ui: Ui): string | null => {
  const { words } = ui;
  const joined = to ?? by;
  if (what === "claimed" || what === "assigned") return joined && fill(words.joined, { name: joined.name });
  if (what === "handed_back") return fill(words.back, { name: botName(ui) });
  return { resolved: words.ended, reopened: words.reopened }[what as "resolved"] ?? null;
};

/** What the bot offers: links stay, choices are gone once one is used or something else is said. */
const Buttons = ({ message, ui, offered }: { message: Message; ui: Ui; offered: boolean }): VNode => (
  <div class="pills">
    {message.buttons.map(({ title, url }, index) => {
      if (url) return ui.extra?.linkButton(title, url);
      return (
        offered && (
          <button class="pill" dir="auto" onClick={() => say(ui, title, index, message.seq)}>
            {title}
          </button>
        )
      );
    })}
  </div>
);

const Failed = ({ entry, ui }: { entry: Entry; ui: Ui }): VNode => {
  const { words, chat } = ui;
  const { code, retry_after } = entry.error ?? {};
  const slow = retry_after ? fill(words.slowFor, { n: Math.ceil(retry_after) }) : words.slow;
  const said = code === "rate_limited" ? slow : code === "too_long" ? fill(words.long, { n: 8000 }) : words.failed;
  return (
    <div class="state failed">
      <span role="alert">{said}</span>
      <button onClick={() => chat.retry(entry.client_id)}>{words.retry}</button>
      <button onClick={() => chat.discard(entry.client_id)}>{words.discard}</button>
    </div>
  );
};

const Unsent = ({ entry, last, ui }: { entry: Entry; last: boolean; ui: Ui }): VNode => {
  const { words, chat } = ui;
  const state = entry.seq ? words.sent : chat.state === "online" ? words.sending : words.waiting;
  return (
    <div class="row own">
      <div class="bubble" dir="auto">
        {entry.text || entry.label}
      </div>
      {entry.error ? <Failed entry={entry} ui={ui} /> : last && <div class="state">{state}</div>}
    </div>
  );
};

const authorOf = (message: Message, ui: Ui): string =>
  message.sender === "contact"
    ? ui.words.you
    : message.author?.name || (message.sender === "bot" ? botName(ui) : (ui.chat.inbox?.name ?? ""));

const together = (a: Message | undefined, b: Message): boolean =>
  a?.kind === "text" &&
  a.sender === b.sender &&
  a.author?.id === b.author?.id &&
  a.created_at.slice(0, 16) === b.created_at.slice(0, 16);

interface RowProps {
  message: Message;
  previous: Message | undefined;
  ui: Ui;
  offered: boolean;
  state: string | false;
}

const Row = ({ message, previous, ui, offered, state }: RowProps): VNode => {
  const own = message.sender === "contact";
  const name = authorOf(message, ui);
  const at = clock(message.created_at, ui.locale);
  const head = !together(previous, message);
  return (
    <div class={`row ${own ? "own" : "other"} ${head ? "first" : ""}`}>
      {head && (
        <div class={own ? "sr" : "meta"}>
          <bdi>{name}</bdi> <time dateTime={message.created_at}>{at}</time>
        </div>
      )}
      {message.removed && <div class="line">{ui.words.removed}</div>}
      {message.text && (
        <div class="bubble" dir="auto" title={own ? at : undefined}>
          {body(message, ui)}
        </div>
      )}
      {message.attachments.map((file) => ui.extra?.attached(file))}
      {message.buttons.some(({ url }) => url || offered) && <Buttons message={message} ui={ui} offered={offered} />}
      {state && <div class="state">{state}</div>}
    </div>
  );
};

const stateOf = (message: Message, ui: Ui): string => {
  const { words, chat } = ui;
  return (chat.conversation?.seen ?? 0) >= message.seq ? words.seen : words.sent;
};

/** A day's name above its first message; a line for what happened; else a bubble. */
const line = (message: Message, previous: Message | undefined, mine: number, ui: Ui): VNode[] => {
  const { entries } = ui.chat.outbox;
  const out: VNode[] = [];
  if (!previous || !sameDay(previous.created_at, message.created_at)) {
    out.push(
      <div key={`d${message.seq}`} class="line day">
        {day(message.created_at, ui.locale)}
      </div>,
    );
  }
  const key = message.sender === "contact" && message.client_id ? message.client_id : message.seq;
  if (message.kind === "activity") {
    const said = message.activity && happened(message.activity, ui);
    if (said)
      out.push(
        <div key={key} class="line" dir="auto">
          <span>{said}</span>
        </div>,
      );
  } else if (message.kind === "text") {
    const offered = message.seq > mine && !message.chosen?.length && !entries.length;
    const state = message.seq === mine && !entries.length && stateOf(message, ui);
    out.push(<Row key={key} message={message} previous={previous} ui={ui} offered={offered} state={state} />);
  }
  return out;
};

const Empty = ({ ui }: { ui: Ui }): VNode => {
  const { inbox } = ui.chat;
  return (
    <div class="empty">
      <h3 dir="auto">{inbox?.greeting || ui.words.hello}</h3>
      <div class="pills">
        {inbox?.starters.map((text) => (
          <button class="pill" dir="auto" onClick={() => say(ui, text)}>
            {text}
          </button>
        ))}
      </div>
    </div>
  );
};

const Typing = ({ ui }: { ui: Ui }): VNode | null => {
  const { typing } = ui.chat;
  return (
    typing && (
      <div key="typing" class="row other typing" aria-hidden="true">
        <div class="bubble">
          <i />
          <i />
          <i />
        </div>
      </div>
    )
  );
};

export const Messages = ({ ui }: { ui: Ui }): VNode => {
  const { chat } = ui;
  const { messages } = chat.log;
  const { entries } = chat.outbox;
  const mine = messages.findLast((message) => message.sender === "contact")?.seq ?? 0;
  const empty = chat.inbox && !messages.length && !entries.length;
  return (
    <div class="middle">
      <div
        class="log"
        role="log"
        aria-live="polite"
        aria-label={chat.inbox?.name}
        tabIndex={0}
        ref={(log) => {
          ui.log = log;
        }}
      >
        {empty && <Empty ui={ui} />}
        {messages.flatMap((message, index) => line(message, messages[index - 1], mine, ui))}
        {entries.map((entry, index) => (
          <Unsent key={entry.client_id} entry={entry} last={index === entries.length - 1} ui={ui} />
        ))}
        <Typing ui={ui} />
        {unrated(ui) && ui.extra?.rating()}
        {isOver(ui) && !unrated(ui) && <div class="line">{ui.words.rated}</div>}
      </div>
      {ui.below && ui.extra?.jump()}
    </div>
  );
};
