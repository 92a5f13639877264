/** The record pane: who this customer is, on which addresses, what we know and who said so, and all they wrote. */
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { wordsFor } from "../core/actions";
import { ApiError, contactPath } from "../core/api";
import type { Contact } from "../../shared/types";
import { Attributes } from "./attributes";
import { useDesk } from "./context";
import { Skeleton } from "./controls";
import { Icon } from "./icons";
import { Identities } from "./identities";
import { InlineEdit } from "./inline";
import { Suggestions } from "./suggestions";
import { Timeline } from "./timeline";

export interface ContactProps {
  contact: Contact;
  /** Send a change and take the record as it then is. True if it was taken. */
  change: (method: "PATCH" | "POST", path: string, body: object) => Promise<boolean>;
}

function languageName(tag: string, locale: string): string {
  try {
    return new Intl.DisplayNames(locale, { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

function Facts({ contact }: { contact: Contact }): VNode {
  const { words } = useDesk();
  const locale = words.locale.value;
  const since = new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(new Date(contact.created_at));
  const facts: [label: string, value: string | null][] = [
    [words.t("email"), contact.email],
    [words.t("phone"), contact.phone],
    [words.t("language"), contact.language && languageName(contact.language, locale)],
    [words.t("known_since"), since],
  ];
  return (
    <dl class="facts">
      {facts.map(([label, value]) =>
        value ? (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <bdi>{value}</bdi>
            </dd>
          </div>
        ) : null,
      )}
    </dl>
  );
}

export function Record({ id }: { id: string }): VNode {
  const desk = useDesk();
  const { words, screen, api } = desk;
  const thread = desk.threads.open(id);
  const contact = thread.contact.value;
  const version = useSignal(0);

  const change: ContactProps["change"] = async (method, path, body) => {
    if (!contact) return false;
    const base = contactPath(contact.id);
    try {
      await api.send(method, base + path, body);
      thread.contact.value = await api.get<Contact>(base);
      version.value++;
      return true;
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      screen.toast(wordsFor(reason, words), { tone: "danger" });
      return false;
    }
  };

  return (
    <aside class="pane record-pane" aria-label={words.t("record")}>
      <header class="record-head">
        {contact && (
          <InlineEdit
            value={contact.name}
            label={words.t("customer_name")}
            empty={words.t("add_name")}
            save={(name) => change("PATCH", "", { name })}
          />
        )}
        <button
          type="button"
          class="button quiet square record-close"
          aria-label={words.t("close_record")}
          onClick={() => {
            screen.record.value = false;
          }}
        >
          <Icon name="close" />
        </button>
      </header>
      <div class="record-body" tabIndex={0} role="group" aria-label={words.t("record")}>
        {!contact && !thread.error.value && <Skeleton kind="line" rows={6} />}
        {contact && (
          <>
            <Facts contact={contact} />
            <Suggestions contact={contact} change={change} />
            <Identities contact={contact} change={change} />
            <Attributes contact={contact} change={change} />
            <Timeline contact={contact.id} here={id} key={`${contact.id} ${version.value}`} />
          </>
        )}
      </div>
    </aside>
  );
}
