/** Every action and every known conversation, found by typing. */
import { type Signal, useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { typed } from "../../shared/ime";
import type { Desk } from "../core/desk";
import { type Found, find } from "../core/find";
import { contactName } from "../core/names";
import { useDesk } from "./context";
import { keyWords } from "./controls";
import { Dialog } from "./dialog";

const CHATS = 6;

function search({ commands, words, lists, select }: Desk, query: string): Found[] {
  const actions: Found[] = commands
    .filter((command) => command.id !== "palette" && command.can())
    .map((command) => ({ id: command.id, label: words.t(command.label), keys: command.keys[0] ?? "", run: command.run }));
  if (!query) return actions;
  const chats: Found[] = lists.known().map((row) => ({
    id: `chat-${row.id}`,
    label: words.t("open_named", { name: contactName(row, words) }),
    keys: "",
    run: () => select(row.id),
  }));
  return [...find(actions, query), ...find(chats, query).slice(0, CHATS)];
}

interface OptionsProps {
  found: readonly Found[];
  chosen: number;
  point: Signal<number>;
  run: (option: Found) => void;
}

function Options({ found, chosen, point, run }: OptionsProps): VNode {
  const { words } = useDesk();
  const list = useRef<HTMLUListElement>(null);
  useLayoutEffect(() => {
    list.current?.children[chosen]?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return (
    <ul class="palette-list" id="palette-list" role="listbox" aria-label={words.t("palette")} ref={list}>
      {found.map((option, index) => (
        <li
          key={option.id}
          id={`option-${option.id}`}
          role="option"
          class="palette-option"
          aria-selected={index === chosen}
          onPointerMove={() => {
            point.value = index;
          }}
          onClick={() => run(option)}
        >
          <span dir="auto">{option.label}</span>
          {option.keys && <kbd>{keyWords(option.keys)}</kbd>}
        </li>
      ))}
    </ul>
  );
}

export function Palette(): VNode {
  const desk = useDesk();
  const { words, screen } = desk;
  const query = useSignal("");
  const point = useSignal(0);
  const found = search(desk, query.value);
  const chosen = Math.min(point.value, found.length - 1);
  const option = found[chosen];

  const run = (one: Found): void => {
    screen.dialog.value = null;
    setTimeout(one.run);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!typed(event)) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) point.value = (chosen + step + found.length) % Math.max(1, found.length);
    else if (event.key === "Enter" && option) run(option);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog name="palette" title={words.t("palette")} bare>
      <input
        type="text"
        class="palette-field"
        role="combobox"
        aria-label={words.t("palette_place")}
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={option ? `option-${option.id}` : undefined}
        aria-autocomplete="list"
        placeholder={words.t("palette_place")}
        autofocus
        value={query.value}
        onInput={(event) => {
          query.value = event.currentTarget.value;
          point.value = 0;
        }}
        onKeyDown={onKeyDown}
      />
      <Options found={found} chosen={chosen} point={point} run={run} />
      {!found.length && <p class="palette-none">{words.t("nothing_found")}</p>}
    </Dialog>
  );
}
