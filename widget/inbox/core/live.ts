/** The agents' socket: typed events in, typed requests out. Events are hints; lists and threads ask for the truth. */
import { type Signal, signal } from "@preact/signals";
import { protocol, Socket, type State } from "../../shared/transport";
import type {
  AgentMessage,
  AgentSyncAck,
  Me,
  Notification,
  PresenceEvent,
  SeenEvent,
  SetPresence,
  Summary,
  Sync,
  Typing,
  TypingEvent,
  Viewing,
  ViewingEvent,
} from "../../shared/types";

export interface Events {
  conversation: Summary;
  message: AgentMessage;
  updated: AgentMessage;
  typing: TypingEvent;
  seen: SeenEvent;
  viewing: ViewingEvent;
  presence: PresenceEvent;
  notification: Notification;
}

type Asks = {
  sync: [Sync, AgentSyncAck];
  typing: [Typing, object];
  viewing: [Viewing, object];
  presence: [SetPresence, object];
};

export type Handlers = { [K in keyof Events]: (event: Events[K]) => void };

export interface Live {
  readonly state: Signal<State>;
  /** It was connected at least once, so its loss is worth telling. */
  readonly met: Signal<boolean>;
  readonly request: Socket<Asks>["request"];
  open(): void;
  close(): void;
}

export interface LiveOptions {
  hub: string;
  /** Asked for with each event, so that the desk may be put together first. */
  handlers: () => Handlers;
  /** Asked before each CONNECT, so that a renewed sign-in is used. */
  me: () => Me | null;
  onOnline: (again: boolean) => void;
  onRefused: (code: string) => void;
}

export function createLive(options: LiveOptions): Live {
  const state = signal<State>("closed");
  const met = signal(false);
  const socket = new Socket<Asks>({
    hub: options.hub,
    namespace: "/agent",
    auth: () => ({ v: protocol, token: options.me()?.socket ?? "" }),
    onEvent: (name, data) => {
      const handlers = options.handlers() as Record<string, ((event: unknown) => void) | undefined>;
      if (Object.hasOwn(handlers, name) && typeof data === "object" && data !== null) handlers[name]?.(data);
    },
    onState: (next, error) => {
      state.value = next;
      if (next === "refused") options.onRefused(error?.code ?? "");
      if (next !== "online") return;
      options.onOnline(met.peek());
      met.value = true;
    },
  });
  return {
    state,
    met,
    request: (name, data) => socket.request(name, data),
    open: () => socket.open(),
    close: () => socket.close(),
  };
}
