/** Tells an agent who is looking elsewhere: the tab's title and, if asked for, a desktop notification. */
import type { Notification as Notice } from "../../shared/types";

export interface Notifier {
  /** Ask the browser; true if notifications will be shown. */
  ask(): Promise<boolean>;
  show(notice: Notice, open: () => void): void;
  title(count: number, name: string): void;
}

export function createNotifier(wanted: () => boolean): Notifier {
  const supported = typeof Notification === "function";
  return {
    ask: async () => supported && (await Notification.requestPermission()) === "granted",
    show: (notice, open) => {
      if (!supported || !wanted() || !document.hidden || Notification.permission !== "granted") return;
      const shown = new Notification(notice.title, { body: notice.text, tag: notice.conversation });
      shown.onclick = () => {
        window.focus();
        open();
        shown.close();
      };
    },
    title: (count, name) => {
      document.title = count ? `(${count}) ${name}` : name;
    },
  };
}
