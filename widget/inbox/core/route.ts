/** The address bar: `#/queue/<conversation>`, and the one-time links `#setup=…` and `#reset=…`. */
import { type Signal, signal } from "@preact/signals";
import type { View } from "../../shared/types";
import { VIEWS } from "./views";

export type Route =
  | { page: "desk"; view: View; conversation: string | null }
  | { page: "setup" | "reset"; token: string }
  | { page: "simulator" };

export function parse(hash: string): Route {
  const link = /^#(setup|reset)=(.+)$/.exec(hash);
  if (link) return { page: link[1] as "setup" | "reset", token: link[2] ?? "" };
  if (hash === "#simulator") return { page: "simulator" };
  const [view, id] = hash.replace(/^#\/?/, "").split("/");
  const known = VIEWS.find((name) => name === view);
  return { page: "desk", view: known ?? "queue", conversation: (known && id && decode(id)) || null };
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

export const address = (view: View, conversation: string | null): string =>
  conversation ? `#/${view}/${encodeURIComponent(conversation)}` : `#/${view}`;

export interface Router {
  readonly route: Signal<Route>;
  go(view: View, conversation: string | null): void;
  /** Replace a one-time link, so that its token stays out of the history. */
  leave(): void;
}

export function createRouter(target: Window): Router {
  const route = signal(parse(target.location.hash));
  const read = (): void => {
    route.value = parse(target.location.hash);
  };
  target.addEventListener("hashchange", read);
  return {
    route,
    go: (view, conversation) => {
      const hash = address(view, conversation);
      if (target.location.hash !== hash) target.location.hash = hash;
      read();
    },
    leave: () => {
      target.history.replaceState(null, "", address("queue", null));
      read();
    },
  };
}
