/** A modal over everything: the browser traps the focus, Escape and a click outside close it. */
import type { ComponentChildren, VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Dialog as DialogName } from "../core/screen";
import { useDesk } from "./context";
import { Icon } from "./icons";

interface DialogProps {
  name: DialogName;
  title: string;
  bare?: boolean;
  children: ComponentChildren;
}

export function Dialog({ name, title, bare = false, children }: DialogProps): VNode {
  const { screen, words } = useDesk();
  const box = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    box.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected && document.activeElement === document.body) before.focus();
    };
  }, []);
  // The browser tells of a closing late, when another dialog may be open already.
  const close = (): void => {
    if (screen.dialog.peek() === name) screen.dialog.value = null;
  };
  return (
    <dialog
      ref={box}
      class={`dialog${bare ? " bare" : ""}`}
      aria-label={title}
      onClose={close}
      onClick={(event) => {
        if (event.target === box.current) close();
      }}
    >
      {!bare && (
        <header class="dialog-head">
          <h2>{title}</h2>
          <button type="button" class="button quiet square" aria-label={words.t("close")} onClick={close}>
            <Icon name="close" />
          </button>
        </header>
      )}
      {children}
    </dialog>
  );
}
