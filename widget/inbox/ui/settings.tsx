/** What an agent may choose for this browser. */
import type { VNode } from "preact";
import type { Settings } from "../core/settings";
import type { Key } from "../core/words";
import { useDesk } from "./context";
import { Dialog } from "./dialog";

const THEMES: [Settings["theme"], Key][] = [
  ["auto", "theme_auto"],
  ["light", "theme_light"],
  ["dark", "theme_dark"],
];
/** Languages by their own names, so that nobody is locked out. */
const LANGUAGES: [Settings["language"], string][] = [
  ["en", "English"],
  ["ja", "日本語"],
  ["ar", "العربية"],
];

function Switch({ name, label, hint }: { name: "singleKeys" | "enterSends" | "notify"; label: Key; hint: Key }): VNode {
  const { settings, words, notifier, screen } = useDesk();
  const change = async (on: boolean): Promise<void> => {
    if (name === "notify" && on && !(await notifier.ask())) {
      screen.toast(words.t("notify_refused"), { tone: "danger" });
      settings.change({ notify: false });
      return;
    }
    settings.change({ [name]: on });
  };
  return (
    <label class="setting">
      <input type="checkbox" checked={settings.now.value[name]} onChange={(event) => void change(event.currentTarget.checked)} />
      <span>
        {words.t(label)}
        <span class="hint">{words.t(hint)}</span>
      </span>
    </label>
  );
}

export function SettingsDialog(): VNode {
  const desk = useDesk();
  const { words, settings } = desk;
  const now = settings.now.value;
  return (
    <Dialog name="settings" title={words.t("settings")}>
      <div class="settings">
        <label class="field">
          {words.t("theme")}
          <select value={now.theme} onChange={(event) => settings.change({ theme: event.currentTarget.value as Settings["theme"] })}>
            {THEMES.map(([value, label]) => (
              <option value={value} key={value}>
                {words.t(label)}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          {words.t("language")}
          <select
            value={now.language}
            onChange={(event) => settings.change({ language: event.currentTarget.value as Settings["language"] })}
          >
            <option value="auto">{words.t("language_auto")}</option>
            {LANGUAGES.map(([value, label]) => (
              <option value={value} key={value} lang={value}>
                {label}
              </option>
            ))}
          </select>
        </label>
        <Switch name="enterSends" label="enter_sends" hint="enter_sends_hint" />
        <Switch name="singleKeys" label="single_keys" hint="single_keys_hint" />
        <Switch name="notify" label="notify" hint="notify_hint" />
        <button type="button" class="button plain" onClick={() => void desk.signOut()}>
          {words.t("sign_out")}
        </button>
      </div>
    </Dialog>
  );
}
