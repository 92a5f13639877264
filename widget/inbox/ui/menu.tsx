/** A small menu under (or over) the button that opened it: arrows, typing to find, Escape, click elsewhere. */
import { useSignal } from "@preact/signals";
import type { RefObject, VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { typed } from "../../shared/ime";
import { useDesk } from "./context";
import { Icon } from "./icons";

export interface MenuItem {
  id: string;
  label: string;
  detail?: string;
  checked?: boolean;
  run: () => void;
}

interface MenuProps {
  label: string;
  items: readonly MenuItem[];
  /** Show a field that narrows the items. */
  find?: string;
  up?: boolean;
}

/** Takes the focus, closes on a click elsewhere, and gives the focus back. */
function usePopup(box: RefObject<HTMLDivElement | null>, close: () => void): void {
  useLayoutEffect(() => {
    const before = document.activeElement;
    box.current?.querySelector<HTMLElement>("input, [aria-checked=true], button")?.focus();
    const outside = (event: PointerEvent): void => {
      const place = box.current?.parentElement;
      if (event.target instanceof Node && !place?.contains(event.target)) close();
    };
    document.addEventListener("pointerdown", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      if (before instanceof HTMLElement && document.activeElement === document.body) before.focus();
    };
  }, []);
}

/** Move the focus `step` items on, round the ends. */
function move(box: HTMLElement | null, step: number): void {
  const items = [...(box?.querySelectorAll<HTMLElement>("[role^=menuitem]") ?? [])];
  const at = items.findIndex((item) => item === document.activeElement);
  items.at((at + step) % items.length)?.focus();
}

function Option({ item, choose }: { item: MenuItem; choose: () => void }): VNode {
  const role = item.checked === undefined ? "menuitem" : "menuitemradio";
  return (
    <button type="button" class="menu-item" role={role} aria-checked={item.checked} tabIndex={-1} onClick={choose}>
      <span dir="auto">{item.label}</span>
      {item.detail && <span class="menu-detail">{item.detail}</span>}
      {item.checked && <Icon name="check" />}
    </button>
  );
}

export function Menu({ label, items, find, up = false }: MenuProps): VNode {
  const { screen } = useDesk();
  const box = useRef<HTMLDivElement>(null);
  const query = useSignal("");
  const shown = items.filter((item) => item.label.toLocaleLowerCase().includes(query.value.toLocaleLowerCase()));
  const close = (): void => {
    screen.menu.value = null;
  };
  const choose = (item: MenuItem | undefined): void => {
    if (!item) return;
    close();
    item.run();
  };
  usePopup(box, close);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!typed(event)) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) move(box.current, step);
    else if (event.key === "Escape" || event.key === "Tab") close();
    else if (event.key === "Enter" && event.target instanceof HTMLInputElement) choose(shown[0]);
    else return;
    if (event.key !== "Tab") event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class={`menu${up ? " up" : ""}`} ref={box} onKeyDown={onKeyDown}>
      {find && (
        <input
          type="text"
          class="menu-find"
          aria-label={find}
          placeholder={find}
          value={query.value}
          onInput={(event) => {
            query.value = event.currentTarget.value;
          }}
        />
      )}
      <div role="menu" aria-label={label} class="menu-items">
        {shown.map((item) => (
          <Option item={item} choose={() => choose(item)} key={item.id} />
        ))}
      </div>
    </div>
  );
}
