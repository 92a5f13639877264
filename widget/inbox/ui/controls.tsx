/** Small pieces every pane uses: buttons that know their command, keys, problems beside what failed, skeletons. */
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { wordsFor } from "../core/actions";
import type { ApiError } from "../core/api";
import { useBase, useDesk } from "./context";
import { Icon, type IconName } from "./icons";

const isMac = /mac|iphone|ipad/i.test(navigator.platform);

/** `Mod+k` as this computer's keys read. */
export const keyWords = (keys: string): string =>
  keys.replace("Mod+", isMac ? "⌘" : "Ctrl+").replace(/(^|\+|⌘| )([a-z])/g, (_, before: string, key: string) => before + key.toUpperCase());

interface ButtonProps {
  id: string;
  icon?: IconName;
  /** Words beside the icon; without, they are its label and tooltip. */
  wide?: boolean;
  kind?: "primary" | "plain" | "quiet";
  expanded?: boolean;
  disabled?: boolean;
}

/** A button for a command: same words, same keys everywhere. Absent while the command makes no sense. */
export function Do({ id, icon, wide = false, kind = "quiet", expanded, disabled }: ButtonProps): VNode | null {
  const desk = useDesk();
  const command = desk.commands.find((one) => one.id === id);
  if (!command?.can()) return null;
  const label = desk.words.t(command.label);
  const keys = command.keys[0];
  const shown = keys && (keys.startsWith("Mod+") || desk.settings.now.value.singleKeys) ? keyWords(keys) : undefined;
  return (
    <button
      type="button"
      class={`button ${kind}${wide ? "" : " square"}`}
      data-command={id}
      aria-label={wide ? undefined : label}
      aria-keyshortcuts={keys?.replace("Mod", "Control")}
      aria-expanded={expanded}
      data-tip={wide ? (shown ? label : undefined) : label}
      data-keys={shown}
      disabled={disabled}
      onClick={command.run}
    >
      {icon && <Icon name={icon} />}
      {wide && <span>{label}</span>}
    </button>
  );
}

interface ProblemProps {
  error: ApiError;
  retry?: () => void;
}

export function Problem({ error, retry }: ProblemProps): VNode {
  const { words } = useBase();
  return (
    <div class="problem" role="alert">
      <Icon name="alert" />
      <p>{wordsFor(error, words)}</p>
      {retry && (
        <button type="button" class="button plain small" onClick={retry}>
          {words.t("retry")}
        </button>
      )}
    </div>
  );
}

const SKELETON_MS = 150;

/** Shown only when waiting has become noticeable. */
export function Patient({ children }: { children: ComponentChildren }): VNode | null {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), SKELETON_MS);
    return () => clearTimeout(timer);
  }, []);
  return late ? <>{children}</> : null;
}

export const Skeleton = ({ rows, kind }: { rows: number; kind: "row" | "bubble" | "line" }): VNode => (
  <Patient>
    <div class={`skeleton skeleton-${kind}`} aria-hidden="true">
      {Array.from({ length: rows }, (_, index) => (
        <i key={index} />
      ))}
    </div>
  </Patient>
);

export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }): VNode => (
  <div class="empty">
    <p class="empty-title">{title}</p>
    {children && <p>{children}</p>}
  </div>
);

/** A person's initials on a quiet disc. Decoration: the name stands beside it. */
export function Face({ name }: { name: string }): VNode {
  const letters = name.split(/\s+/).filter(Boolean);
  const initials = [letters[0], letters.length > 1 ? letters.at(-1) : undefined].map((part) => [...(part ?? "")][0] ?? "");
  return (
    <span class="face" aria-hidden="true">
      {initials.join("").toLocaleUpperCase() || <Icon name="person" />}
    </span>
  );
}
