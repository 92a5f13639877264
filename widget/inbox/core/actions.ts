/** What an agent can do with a conversation. Each names the version it saw; who lost the race is told who won. */
import { type Signal, signal } from "@preact/signals";
import type { Me, Summary, Written } from "../../shared/types";
import { type Api, ApiError, conversationPath } from "./api";
import type { Key, Words } from "./words";

export interface ActionsWorld {
  api: Api;
  me: Me;
  words: Words;
  row(id: string): Summary | null;
  written(id: string, answer: Written): void;
  /** Fetch the conversation anew and return it. */
  refetch(id: string): Promise<Summary | null>;
  say(text: string, undo?: () => void): void;
  complain(text: string): void;
}

type Verb = "claim" | "assign" | "hand-back" | "resolve" | "reopen" | "snooze";

export interface Actions {
  /** Conversation whose action is on its way. */
  readonly busy: Signal<string | null>;
  claim(id: string): Promise<boolean>;
  assign(id: string, agent: { id: string; name: string } | null): Promise<boolean>;
  handBack(id: string): Promise<boolean>;
  resolve(id: string): Promise<boolean>;
  reopen(id: string): Promise<boolean>;
  snooze(id: string, until: Date | null): Promise<boolean>;
  /** Before a reply: take the chat from a colleague. From the queue and the bot the reply itself takes it. */
  own(id: string): Promise<boolean>;
  /** Say why a write was refused, with the name of who has the chat now. */
  stale(id: string): Promise<void>;
}

/** Words for a refusal: ours where we know the code, else the hub's own sentence. */
export function wordsFor(error: ApiError, words: Words): string {
  const known: Partial<Record<string, Key>> = {
    offline: "error_offline",
    unavailable: "error_unavailable",
    rate_limited: "error_rate_limited",
    forbidden: "error_forbidden",
    not_found: "error_not_found",
    too_long: "error_too_long",
    opted_out: "opted_out",
    stale: "error_stale",
  };
  const key = known[error.code];
  return key ? words.t(key) : error.message || words.t("error_unavailable");
}

export function createActions(world: ActionsWorld): Actions {
  const busy = signal<string | null>(null);
  const { words } = world;

  async function stale(id: string): Promise<void> {
    const now = await world.refetch(id);
    const holder = now?.assignee;
    if (holder && holder.id !== world.me.id) world.complain(words.t("stale_held", { name: holder.name }));
    else if (now?.status === "pending") world.complain(words.t("stale_bot"));
    else world.complain(words.t("error_stale"));
  }

  async function act(id: string, verb: Verb, body: object = {}): Promise<boolean> {
    const row = world.row(id);
    if (!row || busy.peek()) return false;
    busy.value = id;
    try {
      const path = `${conversationPath(id)}/${verb}`;
      world.written(id, await world.api.send<Written>("POST", path, { version: row.version, ...body }));
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === "stale" || error.code === "conflict") await stale(id);
      else world.complain(wordsFor(error, words));
      return false;
    } finally {
      busy.value = null;
    }
  }

  const told = async (done: Promise<boolean>, text: string, undo?: () => void): Promise<boolean> => {
    const ok = await done;
    if (ok) world.say(text, undo);
    return ok;
  };

  const actions: Actions = {
    busy,
    stale,
    claim: (id) => act(id, "claim"),
    assign: (id, agent) => {
      const text = agent ? words.t("assigned_to", { name: agent.name }) : words.t("released_done");
      return told(act(id, "assign", { agent: agent?.id ?? null }), text);
    },
    handBack: (id) => told(act(id, "hand-back"), words.t("handed_back_done"), () => void actions.claim(id)),
    resolve: (id) => told(act(id, "resolve"), words.t("resolved_done"), () => void actions.reopen(id)),
    reopen: (id) => act(id, "reopen"),
    snooze: (id, until) =>
      told(act(id, "snooze", { until: until?.toISOString() ?? null }), words.t("snoozed_done"), () => {
        void actions.reopen(id);
      }),
    own: async (id) => {
      const row = world.row(id);
      if (!row) return false;
      const held = row.assignee !== null && row.assignee.id !== world.me.id;
      return !held || actions.claim(id);
    },
  };
  return actions;
}
