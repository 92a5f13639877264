/** One conversation in the list: who, where, the last words, how long they wait, how much is new. */
import type { VNode } from "preact";
import { clock } from "../../shared/time";
import type { Summary } from "../../shared/types";
import { patience, since } from "../core/format";
import { contactName } from "../core/names";
import { address } from "../core/route";
import { useDesk } from "./context";
import { ChannelIcon, Icon } from "./icons";

export const ROW_PX = 68;

const DAY_MS = 86_400_000;
const MANY = 99;

/** Time of day, weekday, or date: as short as still clear. */
function when(at: string, now: number, locale: string): string {
  const age = now - Date.parse(at);
  if (age < DAY_MS) return clock(at, locale);
  const short = age < 6 * DAY_MS ? ({ weekday: "short" } as const) : ({ day: "numeric", month: "short" } as const);
  return new Intl.DateTimeFormat(locale, short).format(new Date(at));
}

function Time({ row }: { row: Summary }): VNode {
  const { words, screen } = useDesk();
  const locale = words.locale.value;
  const now = screen.now.value;
  if (row.status !== "open" || !row.waiting_since) {
    return (
      <time class="row-time" dateTime={row.last_at}>
        {when(row.last_at, now, locale)}
      </time>
    );
  }
  return (
    <span class={`row-time waiting ${patience(row.waiting_since, now)}`}>
      <Icon name="clock" />
      {words.t("waiting", { time: since(row.waiting_since, now, locale) })}
    </span>
  );
}

function Preview({ row }: { row: Summary }): VNode {
  const { words } = useDesk();
  const who = { agent: words.t("by_us"), bot: words.t("by_bot"), contact: "", system: "" }[row.last_sender];
  return (
    <span class="row-preview">
      {who && <span class="row-who">{who} </span>}
      <bdi>{row.preview || words.t("no_text")}</bdi>
    </span>
  );
}

/** Who has it, where a list mixes owners. */
function Holder({ row }: { row: Summary }): VNode | null {
  const { words, lists, me } = useDesk();
  const view = lists.view.value;
  if (view !== "all" && view !== "resolved" && !lists.query.value) return null;
  if (row.status === "snoozed") return <span class="tag">{words.t("snoozed")}</span>;
  if (row.status === "pending") return <span class="tag">{words.t("bot")}</span>;
  if (row.status === "resolved") return null;
  if (!row.assignee) return <span class="tag">{words.t("view_queue")}</span>;
  return (
    <span class="tag" dir="auto">
      {row.assignee.id === me.id ? words.t("you") : row.assignee.name}
    </span>
  );
}

export function Row({ id, index, total }: { id: string; index: number; total: number }): VNode | null {
  const { lists, words, screen, people, open } = useDesk();
  const row = lists.row(id)?.value;
  if (!row) return null;

  const inbox = people.inboxes.value.get(row.inbox);
  const name = contactName(row, words);
  const classes = ["row", row.unread > 0 && "unread", !lists.belongs(row) && "gone"];
  return (
    <li class="row-place" style={{ transform: `translateY(${index * ROW_PX}px)` }} aria-posinset={index + 1} aria-setsize={total}>
      <a
        id={`row-${id}`}
        href={address(lists.view.value, id)}
        class={classes.filter(Boolean).join(" ")}
        aria-current={open.value === id ? "true" : undefined}
        onFocus={() => {
          screen.cursor.value = id;
        }}
      >
        <span class="row-icon">{inbox && <ChannelIcon path={inbox.icon} name={inbox.name} />}</span>
        <span class="row-line">
          <span class="row-name">
            <bdi>{name}</bdi>
          </span>
          <Time row={row} />
        </span>
        <span class="row-line">
          <Preview row={row} />
          <Holder row={row} />
          {row.unread > 0 && (
            <span class="pill" dir="ltr">
              {row.unread > MANY ? `${MANY}+` : row.unread}
              <span class="unseen"> {words.t("unread")}</span>
            </span>
          )}
        </span>
      </a>
    </li>
  );
}
