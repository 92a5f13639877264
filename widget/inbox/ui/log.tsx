/** The log of a thread: keeps the reader's place when older messages arrive, follows new ones from the bottom. */
import { type Signal, useComputed, useSignal } from "@preact/signals";
import type { RefObject, VNode } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { day } from "../../shared/time";
import { arrange, type Item } from "../core/arrange";
import type { Thread } from "../core/thread";
import { ActivityLine } from "./activity";
import { useDesk } from "./context";
import { Icon } from "./icons";
import { MessageView } from "./message";
import { PendingView } from "./pending";

const NEAR_PX = 80;
const OLDER_PX = 300;

interface Place {
  box: RefObject<HTMLDivElement | null>;
  /** Something new stands below what the reader looks at. */
  fresh: Signal<boolean>;
  toEnd(): void;
  onScroll(): void;
}

/** `first` is the oldest seq drawn, `last` changes with whatever is added at the end. */
function usePlace(thread: Thread, first: number, last: string): Place {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const before = useRef({ first: 0, height: 0 });
  const fresh = useSignal(false);
  const toEnd = (): void => {
    box.current?.scrollTo({ top: box.current.scrollHeight });
    fresh.value = false;
  };
  useLayoutEffect(() => {
    const node = box.current;
    if (!node) return;
    const grown = node.scrollHeight - before.current.height;
    if (before.current.first > first && first > 0 && !atEnd.current && node.scrollTop < grown) node.scrollTop += grown;
    before.current = { first, height: node.scrollHeight };
  }, [first]);
  useLayoutEffect(() => {
    if (atEnd.current) toEnd();
    else fresh.value = true;
    before.current.height = box.current?.scrollHeight ?? 0;
  }, [last]);
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (atEnd.current) toEnd();
    });
    for (const node of [box.current, box.current?.firstElementChild]) if (node) observer.observe(node);
    return () => observer.disconnect();
  }, []);
  const onScroll = (): void => {
    const node = box.current;
    if (!node) return;
    atEnd.current = node.scrollHeight - node.scrollTop - node.clientHeight < NEAR_PX;
    if (atEnd.current) fresh.value = false;
    if (node.scrollTop < OLDER_PX && thread.paging.peek() === "idle") void thread.loadOlder();
  };
  return { box, fresh, toEnd, onScroll };
}

function Older({ thread }: { thread: Thread }): VNode | null {
  const { words } = useDesk();
  if (!thread.older.value) return null;
  const state = thread.paging.value;
  return (
    <div class="older">
      <button type="button" class="button plain small" aria-busy={state === "busy"} onClick={() => void thread.loadOlder()}>
        {words.t(state === "busy" ? "loading" : state === "failed" ? "older_failed" : "older")}
      </button>
    </div>
  );
}

function ItemView({ item, thread }: { item: Item; thread: Thread }): VNode {
  const { words } = useDesk();
  if (item.type === "activity") return <ActivityLine message={item.message} />;
  if (item.type === "message") {
    return <MessageView message={item.message} first={item.first} last={item.last} thread={thread} />;
  }
  return (
    <p class="day">
      <span>{day(item.at, words.locale.value)}</span>
    </p>
  );
}

export function LogView({ thread }: { thread: Thread }): VNode {
  const { words, sends } = useDesk();
  const items = useComputed(() => arrange(thread.messages.value));
  const pending = useMemo(() => sends.pending(thread.id), [sends, thread.id]);
  const messages = thread.messages.value;
  const last = `${messages.at(-1)?.seq ?? 0} ${pending.value.length}`;
  const place = usePlace(thread, messages[0]?.seq ?? 0, last);
  const busy = thread.paging.value === "busy";
  return (
    <div class="log-place">
      <div class="log" ref={place.box} onScroll={place.onScroll} tabIndex={0} role="log" aria-label={words.t("messages")} aria-busy={busy}>
        <div class="log-content">
          <Older thread={thread} />
          {items.value.map((item) => (
            <ItemView item={item} thread={thread} key={item.key} />
          ))}
          {pending.value.map((entry) => (
            <PendingView entry={entry} conversation={thread.id} key={entry.client_id} />
          ))}
        </div>
      </div>
      {place.fresh.value && (
        <button type="button" class="button plain small to-end" onClick={place.toEnd}>
          <Icon name="down" />
          {words.t("new_messages")}
        </button>
      )}
    </div>
  );
}
