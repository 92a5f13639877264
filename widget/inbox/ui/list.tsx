/** The list pane: a virtual list of fixed rows that stands still while somebody points at it. */
import { useSignal } from "@preact/signals";
import type { RefObject, VNode } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { typed } from "../../shared/ime";
import { useDesk } from "./context";
import { Empty, Problem, Skeleton } from "./controls";
import { Icon } from "./icons";
import { ROW_PX, Row } from "./row";

const SOME_HEIGHT_PX = 800;
const SPARE_ROWS = 6;
const AHEAD_ROWS = 20;
const THAW_MS = 3000;
const SEARCH_MS = 250;

function Search(): VNode {
  const { lists, words, screen } = useDesk();
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const asked = screen.searching.value;
  useLayoutEffect(() => {
    if (asked) field.current?.focus();
  }, [asked]);
  const search = (query: string): void => void lists.open(lists.view.peek(), query.trim());
  return (
    <div class="search" role="search">
      <Icon name="search" />
      <input
        ref={field}
        type="search"
        aria-label={words.t("search_chats")}
        placeholder={words.t("search_chats")}
        maxLength={100}
        value={lists.query.value}
        onInput={(event) => {
          const query = event.currentTarget.value;
          clearTimeout(timer.current);
          timer.current = setTimeout(() => search(query), SEARCH_MS);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || !typed(event)) return;
          clearTimeout(timer.current);
          event.currentTarget.value = "";
          search("");
          event.currentTarget.blur();
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}

/** Freezes the list while the pointer is over it, and for a moment after the keyboard moved in it. */
function useStillness(): { onPointerEnter: () => void; onPointerLeave: () => void } {
  const { lists, screen } = useDesk();
  const over = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const stepped = screen.stepped.value;
  useEffect(() => {
    if (!stepped) return;
    lists.freeze(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      if (!over.current) lists.freeze(false);
    }, THAW_MS);
  }, [stepped]);
  const set = (on: boolean) => (): void => {
    over.current = on;
    lists.freeze(on);
  };
  return { onPointerEnter: set(true), onPointerLeave: set(false) };
}

type Box = RefObject<HTMLDivElement | null>;

/** Which rows are in sight, by the scroll position and the height of the pane. */
function useWindow(box: Box, length: number, reset: string): { start: number; end: number; look: () => void } {
  const top = useSignal(0);
  const height = useSignal(SOME_HEIGHT_PX);
  const look = (): void => {
    top.value = box.current?.scrollTop ?? 0;
    height.value = box.current?.clientHeight ?? SOME_HEIGHT_PX;
  };
  useLayoutEffect(() => {
    const observer = new ResizeObserver(look);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (box.current) box.current.scrollTop = 0;
    look();
  }, [reset]);
  const start = Math.max(0, Math.floor(top.value / ROW_PX) - SPARE_ROWS);
  const end = Math.min(length, Math.ceil((top.value + height.value) / ROW_PX) + SPARE_ROWS);
  return { start, end, look };
}

/** The keyboard's row is scrolled into sight and, once it is drawn, focused. */
function useCursor(box: Box, ids: readonly string[], look: () => void): void {
  const { screen } = useDesk();
  const wanted = useRef<string | null>(null);
  const stepped = screen.stepped.value;
  useLayoutEffect(() => {
    const node = box.current;
    const cursor = screen.cursor.peek();
    const at = ids.indexOf(cursor ?? "");
    if (!stepped || !node || at < 0) return;
    wanted.current = cursor;
    const above = at * ROW_PX;
    if (above < node.scrollTop) node.scrollTop = above;
    else if (above + ROW_PX > node.scrollTop + node.clientHeight) node.scrollTop = above + ROW_PX - node.clientHeight;
    look();
  }, [stepped]);

  useLayoutEffect(() => {
    const row = wanted.current && document.getElementById(`row-${wanted.current}`);
    if (!row) return;
    wanted.current = null;
    row.focus({ preventScroll: true });
  });
}

function Rows(): VNode {
  const { lists, words } = useDesk();
  const box = useRef<HTMLDivElement>(null);
  const ids = lists.shown.value;
  const { start, end, look } = useWindow(box, ids.length, `${lists.view.value} ${lists.query.value}`);
  useCursor(box, ids, look);
  useEffect(() => {
    if (lists.more.value && end > ids.length - AHEAD_ROWS) void lists.loadMore();
  }, [end, ids.length, lists.more.value]);

  return (
    <div
      class="rows"
      ref={box}
      onScroll={look}
      {...useStillness()}
    >
      <ul class="row-list" aria-label={words.t(`view_${lists.view.value}`)} style={{ height: `${ids.length * ROW_PX}px` }}>
        {ids.slice(start, end).map((id, index) => (
          <Row id={id} key={id} index={start + index} total={lists.more.value ? -1 : ids.length} />
        ))}
      </ul>
    </div>
  );
}

export function List(): VNode {
  const { lists, words, screen } = useDesk();
  const view = lists.view.value;
  const empty = lists.shown.value.length === 0;
  return (
    <section class="pane list-pane" aria-label={words.t("conversations")} aria-busy={lists.loading.value}>
      <header class="list-head">
        <button
          type="button"
          class="button quiet square drawer-open"
          aria-label={words.t("views")}
          onClick={() => {
            screen.drawer.value = true;
          }}
        >
          <Icon name="menu" />
        </button>
        <h1>{words.t(`view_${view}`)}</h1>
        <Search />
      </header>
      {lists.error.value && <Problem error={lists.error.value} retry={() => void lists.refresh()} />}
      {lists.held.value > 0 && (
        <button type="button" class="held" onClick={() => lists.freeze(false)}>
          {words.t("held", { n: lists.held.value })}
        </button>
      )}
      {empty && lists.loading.value && <Skeleton kind="row" rows={8} />}
      {empty && !lists.loading.value && !lists.error.value && (
        <Empty title={lists.query.value ? words.t("nothing_found") : words.t(`empty_${view}`)}>
          {!lists.query.value && words.t(`empty_${view}_more`)}
        </Empty>
      )}
      <Rows />
    </section>
  );
}
