/** All keys on one page. */
import type { VNode } from "preact";
import type { Command, Group } from "../core/commands";
import type { Key } from "../core/words";
import { useDesk } from "./context";
import { keyWords } from "./controls";
import { Dialog } from "./dialog";

const GROUPS: [group: Group, title: Key][] = [
  ["move", "keys_move"],
  ["chat", "keys_chat"],
  ["write", "keys_write"],
  ["app", "keys_app"],
];

export function Help(): VNode {
  const { commands, words, settings } = useDesk();
  const shown = (command: Command): boolean => command.keys.length > 0;
  return (
    <Dialog name="help" title={words.t("keys_title")}>
      {!settings.now.value.singleKeys && <p class="hint">{words.t("keys_off")}</p>}
      <div class="keys">
        {GROUPS.map(([group, title]) => (
          <section key={group}>
            <h3>{words.t(title)}</h3>
            <dl>
              {commands
                .filter((command) => command.group === group && shown(command))
                .map((command) => (
                  <div key={command.id}>
                    <dt>{words.t(command.label)}</dt>
                    <dd>
                      {keyWords(command.keys[0] ?? "")
                        .split(" ")
                        .map((key) => (
                          <kbd key={key}>{key}</kbd>
                        ))}
                    </dd>
                  </div>
                ))}
              {group === "write" && (
                <div>
                  <dt>{words.t("send")}</dt>
                  <dd>
                    <kbd>{keyWords("Mod+Enter")}</kbd>
                  </dd>
                </div>
              )}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
