/** Other contacts that may be the same person. Nothing is linked without an agent's word, and it can be taken back. */
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import type { Suggestion } from "../../shared/types";
import { reasonWords } from "../core/names";
import { useDesk } from "./context";
import { Icon } from "./icons";
import type { ContactProps } from "./record";

function Offer({ suggestion, change }: { suggestion: Suggestion; change: ContactProps["change"] }): VNode {
  const { words, screen } = useDesk();
  const asking = useSignal(false);
  const name = suggestion.name || words.t("customer");
  const { identity, reason } = suggestion;

  const link = async (): Promise<void> => {
    if (!(await change("POST", "/link", { identity, reason }))) return;
    const run = (): void => void change("POST", "/unlink", { identity, reason: "" });
    screen.toast(words.t("linked_done", { name }), { action: { label: words.t("undo"), run } });
  };
  return (
    <li class="suggestion">
      <p>
        <strong dir="auto">{name}</strong>
      </p>
      <p class="faint" dir="auto">
        {reasonWords(reason, words)}
      </p>
      {asking.value ? (
        <div class="suggestion-ask" role="group" aria-label={words.t("link_ask", { name })}>
          <p>{words.t("link_ask", { name })}</p>
          <button type="button" class="button primary small" onClick={() => void link()}>
            {words.t("link")}
          </button>
          <button
            type="button"
            class="button plain small"
            onClick={() => {
              asking.value = false;
            }}
          >
            {words.t("cancel")}
          </button>
        </div>
      ) : (
        <button
          type="button"
          class="button plain small"
          onClick={() => {
            asking.value = true;
          }}
        >
          <Icon name="link" />
          {words.t("same_person")}
        </button>
      )}
    </li>
  );
}

export function Suggestions({ contact, change }: ContactProps): VNode | null {
  const { words } = useDesk();
  if (!contact.suggestions.length) return null;
  return (
    <section>
      <h3>{words.t("suggestions")}</h3>
      <ul class="suggestions">
        {contact.suggestions.map((suggestion) => (
          <Offer suggestion={suggestion} change={change} key={suggestion.identity} />
        ))}
      </ul>
    </section>
  );
}
