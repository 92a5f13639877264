/** One strip under the header: why nothing moves, and what to do about it. */
import type { VNode } from "preact";
import type { Ui } from "./ui";

/** The loader that a browser keeps for minutes still names the old panel. */
const renew = (hub: string): Promise<void> =>
  fetch(`${hub}/widget.js`, { cache: "reload" })
    .catch(() => undefined)
    .then(() => location.reload());

export const Notice = ({ ui }: { ui: Ui }): VNode | null => {
  const { words, chat } = ui;
  const { error } = chat;
  if (!error)
    return ui.gone ? (
      <p class="notice" role="status">
        {words.offline}
      </p>
    ) : null;
  const outdated = error.code === "reload_required";
  const why = { origin_not_allowed: words.origin, reload_required: words.outdated }[error.code as "reload_required"];
  return (
    <p class="notice" role="alert">
      {why ?? words.unavailable}
      {outdated && (
        <button type="button" onClick={() => renew(chat.hub)}>
          {words.reload}
        </button>
      )}
    </p>
  );
};
