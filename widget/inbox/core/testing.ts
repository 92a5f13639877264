/** Makers of wire values for the tests beside this file. */
import type { AgentMessage, Summary } from "../../shared/types";
import type { Api } from "./api";

const START = Date.parse("2026-03-02T09:00:00.000Z");

export const at = (minutes: number): string => new Date(START + minutes * 60_000).toISOString();

export function summary(id: string, more: Partial<Summary> = {}): Summary {
  return {
    id,
    status: "open",
    inbox: "i1",
    contact: `contact-${id}`,
    name: `Name ${id}`,
    address: "",
    assignee: null,
    priority: 0,
    version: 1,
    rev: 1,
    last_seq: 1,
    preview: "Hello",
    last_sender: "contact",
    last_at: at(0),
    waiting_since: at(0),
    snoozed_until: null,
    unread: 0,
    queue_position: null,
    language: null,
    created_at: at(0),
    changed_at: at(0),
    opted_out: false,
    ...more,
  };
}

export function message(seq: number, more: Partial<AgentMessage> = {}): AgentMessage {
  return {
    conversation: "c1",
    seq,
    prev: seq - 1,
    rev: seq,
    kind: "text",
    sender: "contact",
    author: null,
    client_id: null,
    text: `text ${seq}`,
    buttons: [],
    attachments: [],
    chosen: null,
    activity: null,
    state: "stored",
    created_at: at(seq * 10),
    removed: false,
    trace: null,
    page: null,
    error: null,
    ...more,
  } as AgentMessage;
}

/** An Api whose answers come from `answer(method, path, body)`; a thrown ApiError is a refusal. */
export function apiOf(answer: (method: string, path: string, body: unknown) => unknown): Api {
  return {
    onSignedOut: () => undefined,
    use: () => undefined,
    get: async <T>(path: string) => answer("GET", path, undefined) as T,
    send: async <T>(method: string, path: string, body?: unknown) => answer(method, path, body) as T,
    upload: async () => {
      throw new Error("no uploads here");
    },
  };
}
