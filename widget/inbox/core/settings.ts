/** What an agent chose for this browser. */
import { type Signal, signal } from "@preact/signals";
import { readObject, write } from "../../shared/storage";

export interface Settings {
  theme: "auto" | "light" | "dark";
  language: "auto" | "en" | "ja" | "ar";
  singleKeys: boolean;
  enterSends: boolean;
  notify: boolean;
}

const KEY = "frontdesk.desk.settings";
const DEFAULTS: Settings = { theme: "auto", language: "auto", singleKeys: true, enterSends: true, notify: false };

export interface SettingsStore {
  readonly now: Signal<Settings>;
  change(part: Partial<Settings>): void;
}

export function createSettings(): SettingsStore {
  const now = signal<Settings>({ ...DEFAULTS, ...readObject<Settings>(KEY) });
  return {
    now,
    change: (part) => {
      now.value = { ...now.peek(), ...part };
      write(KEY, JSON.stringify(now.peek()));
    },
  };
}
