/** The thread pane: who it is, what can be done, the log, and the composer. */
import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import type { Summary } from "../../shared/types";
import { since } from "../core/format";
import { contactName } from "../core/names";
import type { Thread } from "../core/thread";
import { Brief } from "./brief";
import { Composer } from "./composer";
import { useDesk } from "./context";
import { Do, Empty, Patient, Problem, Skeleton } from "./controls";
import { ChannelIcon, Icon } from "./icons";
import { LogView } from "./log";
import { AssignMenu, SnoozeMenu } from "./menus";

const LOOK_AGAIN_MS = 30_000;

/** In words: whose chat this is and since when the customer waits. */
function Standing({ row }: { row: Summary }): VNode {
  const { words, me, screen } = useDesk();
  const locale = words.locale.value;
  const parts: string[] = [];
  if (row.status === "resolved") parts.push(words.t("resolved"));
  else if (row.status === "pending") parts.push(words.t("with_bot"));
  else if (row.status === "snoozed") {
    const until = row.snoozed_until && new Date(row.snoozed_until);
    const format = { weekday: "short", hour: "numeric", minute: "2-digit" } as const;
    parts.push(until ? words.t("snoozed_until", { time: until.toLocaleString(locale, format) }) : words.t("snoozed_reply"));
  } else if (!row.assignee) parts.push(words.t("in_queue"));
  else parts.push(row.assignee.id === me.id ? words.t("with_you") : words.t("with_agent", { name: row.assignee.name }));
  if (row.status === "open" && row.waiting_since) {
    parts.push(words.t("waiting", { time: since(row.waiting_since, screen.now.value, locale) }));
  }
  return <span class="standing">{parts.join(" · ")}</span>;
}

function Head({ row }: { row: Summary }): VNode {
  const desk = useDesk();
  const { words, people, screen, actions } = desk;
  const inbox = people.inboxes.value.get(row.inbox);
  const menu = screen.menu.value;
  const busy = actions.busy.value === row.id;
  const mine = row.status === "open" && row.assignee?.id === desk.me.id;
  return (
    <header class="thread-head">
      <button type="button" class="button quiet square thread-back" aria-label={words.t("back_to_list")} onClick={() => desk.select(null)}>
        <Icon name="back" />
      </button>
      <div class="thread-who">
        <h2>
          <bdi>{contactName(row, words)}</bdi>
        </h2>
        <p class="thread-sub">
          {inbox && <ChannelIcon path={inbox.icon} name={inbox.name} />}
          <Standing row={row} />
        </p>
      </div>
      <div class="thread-actions" role="toolbar" aria-label={words.t("actions")} aria-busy={busy}>
        <Do id="claim" kind="primary" wide disabled={busy} />
        <Do id="handback" icon="handback" disabled={busy} />
        <div class="anchor">
          <Do id="snooze" icon="snooze" expanded={menu === "snooze"} disabled={busy} />
          {menu === "snooze" && <SnoozeMenu id={row.id} />}
        </div>
        <div class="anchor">
          <Do id="assign" icon="assign" expanded={menu === "assign"} disabled={busy} />
          {menu === "assign" && <AssignMenu row={row} />}
        </div>
        <Do id="resolve" icon="check" wide={mine} kind={mine ? "plain" : "quiet"} disabled={busy} />
        <Do id="reopen" icon="retry" wide kind="plain" disabled={busy} />
        <Do id="record" icon="panel" expanded={screen.record.value} />
      </div>
    </header>
  );
}

/** Colleagues who have it open, and who is typing: one quiet line, always the same height. */
function Company({ thread }: { thread: Thread }): VNode {
  const { words, me } = useDesk();
  const others = thread.viewing.value.filter((agent) => agent.id !== me.id).map((agent) => agent.name);
  const names = new Intl.ListFormat(words.locale.value).format(others);
  return (
    <p class="company">
      <span class="company-typing" role="status">
        {thread.typing.value && (
          <>
            <span class="dots" aria-hidden="true">
              <i />
              <i />
              <i />
            </span>
            {thread.typing.value}
          </>
        )}
      </span>
      {others.length > 0 && <span class="company-viewing">{words.t("also_viewing", { names })}</span>}
    </p>
  );
}

/** Tell the hub what was read, while somebody can have read it. */
function useReadMark(thread: Thread, row: Summary | null): void {
  const { api } = useDesk();
  const last = thread.messages.value.at(-1)?.seq ?? 0;
  const unread = row?.unread ?? 0;
  useEffect(() => {
    const mark = (): void => {
      if (document.hidden || !last || !unread) return;
      api.send("POST", `/api/conversations/${encodeURIComponent(thread.id)}/read`, { seq: last }).catch(() => undefined);
    };
    mark();
    document.addEventListener("visibilitychange", mark);
    return () => document.removeEventListener("visibilitychange", mark);
  }, [thread, last, unread]);
}

/** A person has replied since the hand-over. */
function answered(thread: Thread): boolean {
  const messages = thread.messages.peek();
  const handed = messages.filter((message) => message.activity?.brief).at(-1)?.seq ?? 0;
  return messages.some((message) => message.sender === "agent" && message.kind === "text" && message.seq > handed);
}

function OpenThread({ id }: { id: string }): VNode {
  const desk = useDesk();
  const { words } = desk;
  const thread = desk.threads.open(id);
  const row = desk.lists.row(id)?.value ?? null;
  useReadMark(thread, thread.ready.value ? row : null);

  useEffect(() => {
    void thread.load().then(() => {
      desk.sends.settle(id, thread.messages.peek());
      desk.sends.resume(id);
    });
    const timer = setInterval(() => void thread.sync(), LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [thread]);

  const error = thread.error.value;
  if (error && !thread.ready.value) {
    const gone = error.code === "not_found";
    return (
      <div class="nothing">
        {gone ? (
          <Empty title={words.t("gone_title")}>{words.t("gone_more")}</Empty>
        ) : (
          <Problem error={error} retry={() => void thread.load()} />
        )}
        <button type="button" class="button plain" onClick={() => desk.select(null)}>
          {words.t("back_to_list")}
        </button>
      </div>
    );
  }
  if (!row || !thread.ready.value) return <Skeleton kind="bubble" rows={5} />;
  return (
    <>
      <Head row={row} />
      {error && <Problem error={error} retry={() => void thread.load()} />}
      {thread.brief.value && (row.status === "open" || row.status === "snoozed") && (
        <div class="brief-place">
          <Brief brief={thread.brief.value} answered={answered(thread)} />
        </div>
      )}
      <LogView thread={thread} />
      <Company thread={thread} />
      <Composer thread={thread} row={row} />
    </>
  );
}

export function ThreadPane({ id }: { id: string | null }): VNode {
  const { words, lists } = useDesk();
  if (id) return <OpenThread id={id} />;
  if (lists.loading.value && !lists.shown.value.length) return <Patient>{null}</Patient>;
  return (
    <div class="empty pick">
      <Icon name="open" />
      <p class="empty-title">{words.t("pick_title")}</p>
      <p>
        <kbd>J</kbd> <kbd>K</kbd> {words.t("pick_move")} <kbd>O</kbd> {words.t("pick_open")} <kbd>?</kbd> {words.t("pick_help")}
      </p>
    </div>
  );
}
