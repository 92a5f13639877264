/** What is known of a contact, each with who or what said it and when. */
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { day } from "../../shared/time";
import type { Attribute } from "../../shared/types";
import { useDesk } from "./context";
import { Icon } from "./icons";
import { InlineEdit } from "./inline";
import type { ContactProps } from "./record";

function Known({ attribute, change }: { attribute: Attribute; change: ContactProps["change"] }): VNode {
  const { words } = useDesk();
  const { name, value, source, by, at } = attribute;
  const who = by && source !== "visitor" ? by : words.t(`source_${source}`);
  const save = (next: string): Promise<boolean> => change("PATCH", "", { attributes: { [name]: next || null } });
  return (
    <div class="attribute">
      <dt dir="auto">{name}</dt>
      <dd>
        <InlineEdit value={value} label={name} empty="" save={save} />
        <span class="provenance" dir="auto">
          {words.t("said_by", { who, when: day(at, words.locale.value) })}
        </span>
      </dd>
    </div>
  );
}

function Add({ change }: { change: ContactProps["change"] }): VNode {
  const { words } = useDesk();
  const open = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  useLayoutEffect(() => {
    if (open.value) form.current?.querySelector("input")?.focus();
  }, [open.value]);
  if (!open.value) {
    return (
      <button
        type="button"
        class="button quiet small"
        onClick={() => {
          open.value = true;
        }}
      >
        <Icon name="plus" />
        {words.t("add_attribute")}
      </button>
    );
  }
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const data = new FormData(form.current ?? undefined);
    const name = String(data.get("name") ?? "").trim();
    const value = String(data.get("value") ?? "").trim();
    if (name && value && (await change("PATCH", "", { attributes: { [name]: value } }))) open.value = false;
  };
  return (
    <form class="add-attribute" ref={form} onSubmit={(event) => void submit(event)}>
      <input name="name" type="text" required maxLength={300} aria-label={words.t("attribute_name")} placeholder={words.t("attribute_name")} />
      <input name="value" type="text" required maxLength={300} aria-label={words.t("attribute_value")} placeholder={words.t("attribute_value")} />
      <button type="submit" class="button primary small">
        {words.t("save")}
      </button>
      <button
        type="button"
        class="button plain small"
        onClick={() => {
          open.value = false;
        }}
      >
        {words.t("cancel")}
      </button>
    </form>
  );
}

export function Attributes({ contact, change }: ContactProps): VNode {
  const { words } = useDesk();
  return (
    <section>
      <h3>{words.t("attributes")}</h3>
      {contact.attributes.length > 0 && (
        <dl class="attributes">
          {contact.attributes.map((attribute) => (
            <Known attribute={attribute} change={change} key={attribute.name} />
          ))}
        </dl>
      )}
      <Add change={change} />
    </section>
  );
}
