/** One tooltip for everything that carries `data-tip` (and `data-keys`): on hover and on keyboard focus. */
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

const DELAY_MS = 400;
const GAP = 6;

interface Tip {
  text: string;
  keys: string;
  at: DOMRect;
}

export function Tooltip(): VNode | null {
  const tip = useSignal<Tip | null>(null);
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hide = (): void => {
      clearTimeout(timer);
      tip.value = null;
    };
    const show = (event: Event): void => {
      hide();
      const target = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-tip]") : null;
      if (!target || (event.type === "focusin" && !target.matches(":focus-visible"))) return;
      timer = setTimeout(() => {
        const { tip: text = "", keys = "" } = target.dataset;
        if (target.isConnected) tip.value = { text, keys, at: target.getBoundingClientRect() };
      }, DELAY_MS);
    };
    const names = ["pointerover", "focusin"] as const;
    const hides = ["pointerdown", "keydown", "scroll", "focusout"] as const;
    for (const name of names) document.addEventListener(name, show);
    for (const name of hides) document.addEventListener(name, hide, true);
    return () => {
      hide();
      for (const name of names) document.removeEventListener(name, show);
      for (const name of hides) document.removeEventListener(name, hide, true);
    };
  }, []);

  useLayoutEffect(() => {
    const node = box.current;
    if (!node || !tip.value) return;
    const { at } = tip.value;
    const size = node.getBoundingClientRect();
    const left = Math.min(innerWidth - size.width - GAP, Math.max(GAP, at.left + at.width / 2 - size.width / 2));
    const below = at.bottom + GAP + size.height < innerHeight;
    node.style.left = `${left}px`;
    node.style.top = `${below ? at.bottom + GAP : at.top - GAP - size.height}px`;
  });

  if (!tip.value) return null;
  return (
    <div class="tooltip" ref={box} aria-hidden="true">
      {tip.value.text}
      {tip.value.keys && <kbd>{tip.value.keys}</kbd>}
    </div>
  );
}
