/** A reply or note that is not known to be stored: on its way, or failed with what can be done. */
import type { VNode } from "preact";
import { wordsFor } from "../core/actions";
import { ApiError } from "../core/api";
import type { Pending } from "../core/sends";
import { useDesk } from "./context";
import { Icon } from "./icons";

export function PendingView({ entry, conversation }: { entry: Pending; conversation: string }): VNode {
  const { words, sends, drafts, screen } = useDesk();
  const { error } = entry;
  const edit = (): void => {
    const kept = drafts.get(conversation, entry.tab);
    drafts.set(conversation, entry.tab, { ...kept, text: [entry.text, kept.text].filter(Boolean).join("\n") });
    sends.remove(conversation, entry);
    screen.compose.value = { conversation, tab: entry.tab, at: Date.now() };
  };
  return (
    <article class={`message pending first ${entry.tab === "note" ? "note" : "ours agent"}`} aria-busy={!error}>
      <div class="message-line">
        <div class="message-body">
          {entry.text && (
            <div class="bubble" dir="auto">
              {entry.text}
            </div>
          )}
          {entry.label && (
            <span class="file">
              <Icon name="file" />
              <span class="file-name">{entry.label}</span>
            </span>
          )}
        </div>
      </div>
      {error ? (
        <p class="delivery failed" role="alert">
          <Icon name="alert" />
          {words.t("not_sent")}{" "}
          {wordsFor(new ApiError(0, { code: error.code ?? "unavailable", detail: error.message ?? "" }), words)}
          <button type="button" class="button link" onClick={() => sends.retry(conversation, entry)}>
            {words.t("retry")}
          </button>
          <button type="button" class="button link" onClick={edit}>
            {words.t("edit")}
          </button>
        </p>
      ) : (
        <p class="delivery">
          <Icon name="clock" />
          {words.t("sending")}
        </p>
      )}
    </article>
  );
}
