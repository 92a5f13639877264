/** What is open on the screen besides the data: dialogs, menus, drawers, and short messages. */
import { type Signal, signal } from "@preact/signals";

export interface Toast {
  id: number;
  text: string;
  tone: "plain" | "danger";
  action?: { label: string; run: () => void };
}

export type Dialog = "palette" | "help" | "settings";
export type Menu = "assign" | "snooze" | "presence";

const TOAST_MS = 6000;

export interface Screen {
  readonly dialog: Signal<Dialog | null>;
  readonly menu: Signal<Menu | null>;
  /** The record pane: shown beside the thread where there is room, else over it when asked for. */
  readonly record: Signal<boolean>;
  /** The views pane where it is folded. */
  readonly drawer: Signal<boolean>;
  readonly toasts: Signal<readonly Toast[]>;
  /** Row under the keyboard in the list. */
  readonly cursor: Signal<string | null>;
  /** Rises when a key moved the cursor, so that the focus follows. */
  readonly stepped: Signal<number>;
  /** The composer of a conversation is asked to take the focus, with a tab. */
  readonly compose: Signal<{ conversation: string | null; tab: "text" | "note"; at: number }>;
  readonly searching: Signal<number>;
  /** Seconds tick for waiting times. */
  readonly now: Signal<number>;
  toast(text: string, more?: Partial<Pick<Toast, "tone" | "action">>): void;
  dismiss(id: number): void;
}

export function createScreen(): Screen {
  const toasts = signal<readonly Toast[]>([]);
  let ids = 0;
  const dismiss = (id: number): void => {
    toasts.value = toasts.peek().filter((toast) => toast.id !== id);
  };
  return {
    dialog: signal(null),
    menu: signal(null),
    record: signal(false),
    drawer: signal(false),
    toasts,
    cursor: signal(null),
    stepped: signal(0),
    compose: signal({ conversation: null, tab: "text", at: 0 }),
    searching: signal(0),
    now: signal(Date.now()),
    toast: (text, more = {}) => {
      const id = ++ids;
      toasts.value = [...toasts.peek().slice(-2), { id, text, tone: "plain", ...more }];
      setTimeout(() => dismiss(id), TOAST_MS);
    },
    dismiss,
  };
}
