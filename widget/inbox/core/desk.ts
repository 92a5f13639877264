/** Everything behind the signed-in screen, put together once. */
import { computed, effect, type ReadonlySignal } from "@preact/signals";
import type { Me, Summary, Written } from "../../shared/types";
import { type Actions, type ActionsWorld, createActions } from "./actions";
import type { Api } from "./api";
import { type Command, createCommands } from "./commands";
import { createDrafts, type Drafts } from "./drafts";
import { createHandlers } from "./events";
import { Lists } from "./lists";
import { createLive, type Live } from "./live";
import { createNotifier, type Notifier } from "./notify";
import { createPeople, type People } from "./people";
import type { Router } from "./route";
import { createScreen, type Screen } from "./screen";
import { Sends } from "./sends";
import type { SettingsStore } from "./settings";
import { Threads } from "./threads";
import type { Words } from "./words";

const TICK_MS = 15_000;
const RENEW_MS = 3000;

/** What exists before anybody has signed in. */
export interface Base {
  readonly api: Api;
  readonly router: Router;
  readonly settings: SettingsStore;
  readonly words: Words;
  /** Origin of the hub. */
  readonly hub: string;
  signOut(): Promise<void>;
  /** The sign-in may have been renewed elsewhere: ask who we are. */
  renew(): void;
}

export interface Desk extends Base {
  readonly me: Me;
  readonly screen: Screen;
  readonly lists: Lists;
  readonly people: People;
  readonly live: Live;
  readonly threads: Threads;
  readonly sends: Sends;
  readonly drafts: Drafts;
  readonly actions: Actions;
  readonly notifier: Notifier;
  readonly commands: readonly Command[];
  /** The conversation the address names. */
  readonly open: ReadonlySignal<string | null>;
  select(id: string | null): void;
  stop(): void;
}

type Parts = Omit<Desk, "commands" | "stop">;

/** The hub took or refused a write of ours: what lists and threads need to hear of it. */
function writing({ api, words, screen, lists, threads, live, me }: Omit<Parts, "actions" | "sends">): ActionsWorld {
  const row = (id: string): Summary | null => lists.row(id)?.peek() ?? null;
  return {
    api,
    me,
    words,
    row,
    written: (id: string, answer: Written) => {
      const known = row(id);
      if (known && known.rev <= answer.rev) lists.upsert({ ...known, version: answer.version, status: answer.status });
      if (live.state.peek() !== "online") void threads.open(id).load();
    },
    refetch: async (id) => {
      await threads.open(id).load();
      return row(id);
    },
    say: (text, run) => screen.toast(text, run ? { action: { label: words.t("undo"), run } } : {}),
    complain: (text) => screen.toast(text, { tone: "danger" }),
  };
}

function connect(base: Base, me: Me, desk: () => Desk): Live {
  let handlers: ReturnType<typeof createHandlers> | undefined;
  return createLive({
    hub: base.hub,
    me: () => me,
    handlers: () => (handlers ??= createHandlers(desk())),
    onRefused: (code) => {
      if (code !== "reload_required") setTimeout(() => desk().live.state.peek() === "refused" && base.renew(), RENEW_MS);
      else desk().screen.toast(base.words.t("reload_needed"), { tone: "danger" });
    },
    onOnline: (again) => {
      const { lists, people, threads, sends, live, open } = desk();
      if (again) {
        void lists.refresh();
        void people.load();
      }
      const id = open.peek();
      if (!id) return;
      void live.request("viewing", { conversation: id });
      void threads.open(id).sync();
      sends.resume(id);
    },
  });
}

/** What follows the address and the counts; answers with what stops it. */
function follow({ router, lists, notifier, words, open, screen, live }: Desk): () => void {
  const timer = setInterval(() => {
    screen.now.value = Date.now();
  }, TICK_MS);
  const stops = [
    effect(() => {
      const route = router.route.value;
      if (route.page === "desk" && route.view !== lists.view.peek()) void lists.open(route.view);
    }),
    effect(() => notifier.title(lists.counts.value.queue, words.t("title"))),
    effect(() => {
      const conversation = open.value;
      if (conversation) screen.cursor.value = conversation;
      void live.request("viewing", { conversation });
    }),
    () => clearInterval(timer),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

export function createDesk(base: Base, me: Me): Desk {
  const { api, router } = base;
  const lists = new Lists(api, me.id);
  const live = connect(base, me, () => desk);
  const parts = {
    ...base,
    me,
    lists,
    live,
    screen: createScreen(),
    people: createPeople(api),
    notifier: createNotifier(() => base.settings.now.peek().notify),
    drafts: createDrafts(me.id),
    threads: new Threads(api, (query) => live.request("sync", query), (row) => lists.upsert(row)),
    open: computed(() => (router.route.value.page === "desk" ? router.route.value.conversation : null)),
    select: (id: string | null) => router.go(lists.view.peek(), id),
  };
  const world = writing(parts);
  const actions = createActions(world);
  const sends = new Sends({ ...world, agent: me.id, own: actions.own, stale: actions.stale });
  const desk: Desk = Object.assign(parts, { actions, sends, commands: [] as Command[], stop: () => undefined });
  Object.assign(desk, { commands: createCommands(desk) });

  const route = router.route.peek();
  void desk.people.load();
  void lists.open(route.page === "desk" ? route.view : "queue");
  live.open();
  const unfollow = follow(desk);
  desk.stop = () => {
    unfollow();
    live.close();
  };
  return desk;
}
