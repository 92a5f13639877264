/** A value that turns into a field when it is clicked: Enter keeps, Escape gives up. */
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { typed } from "../../shared/ime";
import { useDesk } from "./context";
import { Icon } from "./icons";

interface InlineProps {
  value: string;
  label: string;
  empty: string;
  save: (value: string) => Promise<boolean>;
}

const LINE_MAX = 300;

export function InlineEdit({ value, label, empty, save }: InlineProps): VNode {
  const { words } = useDesk();
  const editing = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  // Before the next key: selecting later would swallow what was typed meanwhile.
  useLayoutEffect(() => {
    field.current?.focus();
    if (editing.value) field.current?.select();
  }, [editing.value]);

  const keep = async (): Promise<void> => {
    const next = field.current?.value.trim() ?? value;
    if (next === value || (await save(next))) editing.value = false;
  };
  if (!editing.value) {
    return (
      <button
        type="button"
        class="inline"
        aria-label={words.t("edit_what", { what: label, value })}
        onClick={() => {
          editing.value = true;
        }}
      >
        <span dir="auto" class={value ? "" : "faint"}>
          {value || empty}
        </span>
        <Icon name="edit" />
      </button>
    );
  }
  return (
    <input
      ref={field}
      type="text"
      class="inline-field"
      aria-label={label}
      dir="auto"
      maxLength={LINE_MAX}
      defaultValue={value}
      onKeyDown={(event) => {
        if (!typed(event)) return;
        if (event.key === "Enter") void keep();
        if (event.key === "Escape") editing.value = false;
      }}
      onBlur={() => void keep()}
    />
  );
}
