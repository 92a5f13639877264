/** Everything a contact and we said, on every channel, newest first. */
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import { clock, day, sameDay } from "../../shared/time";
import type { Timeline as Page, TimelineItem } from "../../shared/types";
import { ApiError, contactPath, withQuery } from "../core/api";
import { percent } from "../core/format";
import { activityWords } from "./activity";
import { useDesk } from "./context";
import { Problem, Skeleton } from "./controls";
import { ChannelIcon } from "./icons";
import { PageLink } from "./reading";

const SETTLE_MS = 800;

function Entry({ item, here }: { item: TimelineItem; here: string }): VNode {
  const desk = useDesk();
  const { words, people } = desk;
  const locale = words.locale.value;
  const inbox = people.inboxes.value.get(item.inbox);
  const who = item.author?.name ?? (item.sender === "contact" ? words.t("customer") : item.sender === "bot" ? words.t("bot") : "");
  const text = item.activity ? activityWords(item.activity, words) : item.text || item.attachments.map((file) => file.name).join(", ") || words.t("no_text");
  return (
    <li class="entry" data-kind={item.kind}>
      <span class="entry-icon">{inbox && <ChannelIcon path={inbox.icon} name={inbox.name} />}</span>
      <div class="entry-words">
        <p class="entry-meta">
          {who && <span dir="auto">{who}</span>}
          {item.kind === "note" && <span class="tag note">{words.t("note")}</span>}
          <time dateTime={item.at}>{clock(item.at, locale)}</time>
          {item.conversation !== here && (
            <button type="button" class="button link" onClick={() => desk.select(item.conversation)}>
              {words.t("open")}
            </button>
          )}
        </p>
        <p class="entry-text" dir="auto">
          {text}
        </p>
        {item.trace && (
          <p class="entry-trace">
            {item.trace.intent} {percent(item.trace.confidence, locale)}
          </p>
        )}
        {item.page && (
          <p class="entry-trace">
            <PageLink page={item.page} />
          </p>
        )}
      </div>
    </li>
  );
}

export function Timeline({ contact, here }: { contact: string; here: string }): VNode {
  const desk = useDesk();
  const { words, api } = desk;
  const items = useSignal<readonly TimelineItem[]>([]);
  const cursor = useSignal<string | null>(null);
  const state = useSignal<"busy" | "ready" | ApiError>("busy");
  const last = desk.threads.open(here).messages.value.at(-1)?.seq ?? 0;

  async function load(from: string | null): Promise<void> {
    state.value = "busy";
    try {
      const page = await api.get<Page>(withQuery(`${contactPath(contact)}/timeline`, { cursor: from }));
      items.value = from ? [...items.value, ...page.items] : page.items;
      cursor.value = page.cursor;
      state.value = "ready";
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      state.value = reason;
    }
  }
  useEffect(() => {
    const timer = setTimeout(() => void load(null), items.value.length ? SETTLE_MS : 0);
    return () => clearTimeout(timer);
  }, [last]);

  const failed = state.value instanceof ApiError ? state.value : null;
  return (
    <section>
      <h3>{words.t("timeline")}</h3>
      {!items.value.length && state.value === "busy" && <Skeleton kind="line" rows={4} />}
      <ol class="timeline">
        {items.value.map((item, index) => {
          const before = items.value[index - 1];
          const key = `${item.conversation}-${item.seq}`;
          const isNew = !before || !sameDay(before.at, item.at);
          return [
            isNew && (
              <li class="entry-day" key={`day-${key}`}>
                {day(item.at, words.locale.value)}
              </li>
            ),
            <Entry item={item} here={here} key={key} />,
          ];
        })}
      </ol>
      {failed && <Problem error={failed} retry={() => void load(cursor.value)} />}
      {cursor.value && !failed && (
        <button type="button" class="button plain small" aria-busy={state.value === "busy"} onClick={() => void load(cursor.value)}>
          {words.t("older")}
        </button>
      )}
    </section>
  );
}
