/** What a site tells the widget, and what loader and panel know of each other. */

export interface Boot {
  /** The inbox's public site key. */
  key: string;
  /** Origin of the hub, if it is not where the script came from. */
  hub?: string;
  locale?: string;
  theme?: "light" | "dark" | "auto";
  position?: "left" | "right";
  /** Distance of the launcher from the bottom edge in px, to clear a page's own fixed bar. */
  bottom?: number;
  color?: string;
  /** A signed-in customer: `jwt` is signed by the site's server with the inbox's secret. */
  user?: { id: string; jwt: string };
}

/** Everything this browser keeps for one site key, besides the unsent messages. */
export interface Kept {
  token: string;
  user: string;
  /** The visitor has written something: connect on load. */
  talk: boolean;
  seen: { conversation: string; seq: number };
}

/** Where it is kept; the names of all else that is kept for this site key begin with it. */
export const keptAt = (key: string): string => `frontdesk:${key}:`;

export type EventName = "ready" | "open" | "close" | "message" | "unread" | "error";

/** Tell the host page; `frontdesk("on", name, callback)` listens for the same. */
export const tell = (name: EventName, detail: object = {}): void => {
  window.dispatchEvent(new CustomEvent(`frontdesk:${name}`, { detail }));
};

/** What the loader gives the panel. */
export interface Place {
  /** Whose style sheets apply. */
  root: DocumentOrShadowRoot;
  /** The `.frontdesk` element to draw in. */
  frame: HTMLElement;
  hub: string;
  /** The loader's own, which `update` changes. */
  boot: Boot;
  /** A page of its own, without launcher: nothing to close. */
  full?: boolean;
  launcher?: HTMLButtonElement;
}

/** What the panel gives the loader. */
export interface Panel {
  readonly open: boolean;
  show: (focus?: boolean) => void;
  hide: () => void;
  /** What was booted with has changed, but not the customer. */
  update: () => void;
  /** Disconnect and leave the page as it was; what is kept in this browser is the loader's business. */
  shutdown: () => void;
}
