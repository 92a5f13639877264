/** Colleagues with their availability, and the inboxes with their traits. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Agent, Inbox, PresenceEvent } from "../../shared/types";
import { type Api, ApiError } from "./api";

export interface People {
  readonly agents: Signal<readonly Agent[]>;
  readonly error: Signal<ApiError | null>;
  readonly inboxes: ReadonlySignal<ReadonlyMap<string, Inbox>>;
  load(): Promise<void>;
  onPresence(event: PresenceEvent): void;
}

export function createPeople(api: Api): People {
  const agents = signal<readonly Agent[]>([]);
  const rows = signal<readonly Inbox[]>([]);
  const error = signal<ApiError | null>(null);
  return {
    agents,
    error,
    inboxes: computed(() => new Map(rows.value.map((inbox) => [inbox.id, inbox]))),
    load: async () => {
      try {
        const [people, inboxes] = await Promise.all([
          api.get<Agent[]>("/api/agents"),
          api.get<Inbox[]>("/api/inboxes"),
        ]);
        agents.value = people;
        rows.value = inboxes;
        error.value = null;
      } catch (reason) {
        if (reason instanceof ApiError) error.value = reason;
      }
    },
    onPresence: (event) => {
      agents.value = agents
        .peek()
        .map((agent) => (agent.id === event.agent ? { ...agent, availability: event.availability } : agent));
    },
  };
}
