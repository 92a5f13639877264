/** The list pane: every conversation known here, the order of the view on screen, and the live counts. */
import { batch, type Signal, signal } from "@preact/signals";
import type { ConversationPage, Counts, Summary, View } from "../../shared/types";
import { type Api, ApiError, withQuery } from "./api";
import { belongs, compare, place, recount } from "./views";

const COUNTS_MS = 2000;
const REFILL_PAGES = 4;

export class Lists {
  readonly view = signal<View>("queue");
  readonly query = signal("");
  /** Ids as drawn. Stands still while `freeze(true)`. */
  readonly shown = signal<readonly string[]>([]);
  /** Conversations that belong here but wait until the list may move. */
  readonly held = signal(0);
  readonly counts = signal<Counts>({ mine: 0, queue: 0, bot: 0, all: 0 });
  readonly loading = signal(true);
  readonly error = signal<ApiError | null>(null);
  readonly more = signal(false);
  private readonly rows = new Map<string, Signal<Summary>>();
  private order: Summary[] = [];
  private cursor: string | null = null;
  /** Last row of the last page: what sorts behind it is not known to be complete, so it is not shown. */
  private edge: Summary | null = null;
  private request = 0;
  private fetching = false;
  private frozen = false;
  private stale = new Set<string>();
  private countsTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly api: Api,
    private readonly me: string,
  ) {}

  row(id: string): Signal<Summary> | null {
    return this.rows.get(id) ?? null;
  }

  known(): Summary[] {
    return [...this.rows.values()].map((row) => row.peek());
  }

  belongs(row: Summary): boolean {
    return belongs(row, this.view.peek(), this.me);
  }

  /** Show a view (and search in it); what is known is drawn at once, then the hub is asked. */
  async open(view: View, query = ""): Promise<void> {
    const moved = view !== this.view.peek() || query !== this.query.peek();
    batch(() => {
      this.view.value = view;
      this.query.value = query;
      if (!moved) return;
      this.edge = null;
      this.cursor = null;
      this.more.value = false;
      this.frozen = false;
      this.order = query ? [] : this.sorted();
      this.draw();
    });
    await this.refresh();
  }

  /** Ask again from the top, and as far down as before: after a reconnect events may have been missed. */
  async refresh(): Promise<void> {
    const ticket = ++this.request;
    const length = this.edge ? this.order.length : 0;
    this.stale = new Set(this.rows.keys());
    this.loading.value = true;
    try {
      let page = await this.fetchPage(null);
      const items = [...page.items];
      for (let pages = 1; page.cursor && items.length < length && pages < REFILL_PAGES; pages++) {
        page = await this.fetchPage(page.cursor);
        items.push(...page.items);
      }
      if (ticket === this.request) this.replace(items, page);
    } catch (error) {
      if (ticket === this.request && error instanceof ApiError) this.error.value = error;
    } finally {
      if (ticket === this.request) this.loading.value = false;
    }
  }

  async loadMore(): Promise<void> {
    if (!this.cursor || this.fetching) return;
    const ticket = this.request;
    this.fetching = true;
    try {
      const page = await this.fetchPage(this.cursor);
      if (ticket !== this.request) return;
      batch(() => {
        for (const item of page.items) this.keep(item);
        this.settle(page);
        this.order = this.query.peek() ? [...this.order, ...this.current(page.items)] : this.sorted();
        this.draw(true);
      });
    } catch (error) {
      if (error instanceof ApiError) this.error.value = error;
    } finally {
      this.fetching = false;
    }
  }

  /** A conversation changed (event or answer). Older news than what is known is dropped. */
  upsert(row: Summary): void {
    const before = this.rows.get(row.id)?.peek() ?? null;
    if (before && before.rev > row.rev) return;
    batch(() => {
      this.stale.delete(row.id);
      this.counts.value = recount(this.counts.peek(), before, row, this.me);
      this.keep(row);
      if (!this.query.peek()) {
        this.move(before, row);
        this.draw();
      }
    });
    if (!before) this.refreshCounts();
  }

  /** The pointer or the keys are in the list: nothing may move under them. */
  freeze(on: boolean): void {
    this.frozen = on;
    if (!on) this.draw();
  }

  /** The id `step` rows from `id` in the drawn order. */
  neighbour(id: string | null, step: number): string | null {
    const ids = this.shown.peek();
    const at = id ? ids.indexOf(id) : -1;
    if (at < 0) return ids[step > 0 ? 0 : ids.length - 1] ?? null;
    return ids[Math.min(ids.length - 1, Math.max(0, at + step))] ?? null;
  }

  private fetchPage(cursor: string | null): Promise<ConversationPage> {
    const query = { view: this.view.peek(), q: this.query.peek(), cursor };
    return this.api.get<ConversationPage>(withQuery("/api/conversations", query));
  }

  private replace(items: readonly Summary[], page: ConversationPage): void {
    batch(() => {
      for (const item of items) this.keep(item);
      for (const item of items) this.stale.delete(item.id);
      const view = this.view.peek();
      for (const id of this.stale) {
        const row = this.rows.get(id)?.peek();
        if (row && !this.query.peek() && belongs(row, view, this.me)) this.rows.delete(id);
      }
      this.settle({ ...page, items: [...items] });
      this.order = this.query.peek() ? this.current(items) : this.sorted();
      this.draw();
    });
  }

  private settle(page: ConversationPage): void {
    this.cursor = page.cursor;
    this.edge = page.cursor ? (page.items.at(-1) ?? this.edge) : null;
    this.more.value = page.cursor !== null;
    this.counts.value = page.counts;
    this.error.value = null;
  }

  private keep(row: Summary): void {
    const known = this.rows.get(row.id);
    if (!known) this.rows.set(row.id, signal(row));
    else if (known.peek().rev <= row.rev) known.value = row;
  }

  private current(items: readonly Summary[]): Summary[] {
    return items.map((item) => this.rows.get(item.id)?.peek() ?? item);
  }

  private inside(row: Summary): boolean {
    const order = compare(this.view.peek());
    return this.belongs(row) && (!this.edge || order(row, this.edge) <= 0);
  }

  private sorted(): Summary[] {
    return this.known()
      .filter((row) => this.inside(row))
      .sort(compare(this.view.peek()));
  }

  private move(before: Summary | null, row: Summary): void {
    const order = compare(this.view.peek());
    if (before) {
      const at = place(this.order, before, order);
      if (this.order[at]?.id === before.id) this.order.splice(at, 1);
    }
    if (this.inside(row)) this.order.splice(place(this.order, row, order), 0, row);
  }

  private draw(grown = false): void {
    const ids = this.order.map((row) => row.id);
    const shown = this.shown.peek();
    if (this.frozen && shown.length) {
      const have = new Set(shown);
      const fresh = ids.filter((id) => !have.has(id));
      if (grown) this.shown.value = [...shown, ...fresh];
      else this.held.value = fresh.length;
      return;
    }
    this.held.value = 0;
    if (ids.length !== shown.length || ids.some((id, index) => id !== shown[index])) this.shown.value = ids;
  }

  private refreshCounts(): void {
    this.countsTimer ??= setTimeout(() => {
      this.countsTimer = null;
      this.fetchPage(null).then(
        (page) => {
          this.counts.value = page.counts;
        },
        () => undefined,
      );
    }, COUNTS_MS);
  }
}
