/** The hand-over brief on top of a thread, so that the customer repeats nothing. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren, VNode } from "preact";
import type { Brief as BriefData } from "../../shared/types";
import { percent } from "../core/format";
import { reasonWords } from "../core/names";
import type { Key } from "../core/words";
import { useDesk } from "./context";
import { Icon } from "./icons";

/** A slot's value as a reader wants it. */
export function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).join(", ");
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return String(value);
}

function Slots({ slots }: { slots: [name: string, value: unknown][] }): VNode {
  return (
    <span class="slots">
      {slots.map(([name, value]) => (
        <span class="slot" key={name}>
          <span class="slot-name">{name}</span> <bdi>{plain(value)}</bdi>
        </span>
      ))}
    </span>
  );
}

function Body({ brief }: { brief: BriefData }): VNode {
  const { words } = useDesk();
  const slots = Object.entries(brief.slots).filter(([, value]) => value !== null && value !== "" && value !== undefined);
  const sure = brief.confidence === null ? "" : ` ${percent(brief.confidence, words.locale.value)}`;
  const lines: [key: Key, line: ComponentChildren][] = [
    ["brief_asked", brief.asked && <bdi>{brief.asked}</bdi>],
    ["brief_got", slots.length > 0 && <Slots slots={slots} />],
    ["brief_open", brief.waiting_for],
    ["brief_intents", brief.intents.length > 0 && brief.intents.join(" → ") + sure],
  ];
  return (
    <dl class="brief-body">
      {lines.map(
        ([key, line]) =>
          line && (
            <div key={key}>
              <dt>{words.t(key)}</dt>
              <dd>{line}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** Open while nobody has answered; later one line that opens on demand. */
export function Brief({ brief, answered }: { brief: BriefData; answered: boolean }): VNode {
  const { words } = useDesk();
  const open = useSignal(!answered);
  return (
    <section class="brief" aria-label={words.t("brief")}>
      <button
        type="button"
        class="brief-head"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        <Icon name="bot" />
        <span class="brief-title" dir="auto">
          {words.t("brief_title", { reason: reasonWords(brief.reason, words) })}
        </span>
        <Icon name="down" />
      </button>
      {open.value && <Body brief={brief} />}
    </section>
  );
}
