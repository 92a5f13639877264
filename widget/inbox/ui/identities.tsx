/** A contact's addresses, each with its channel and whether it is proven. */
import type { VNode } from "preact";
import type { Identity } from "../../shared/types";
import { useDesk } from "./context";
import { ChannelIcon, Icon } from "./icons";
import type { ContactProps } from "./record";

function Address({ identity, unlink }: { identity: Identity; unlink: () => void }): VNode {
  const { words, people } = useDesk();
  const inbox = people.inboxes.value.get(identity.inbox);
  return (
    <li class="identity">
      {inbox && <ChannelIcon path={inbox.icon} name={inbox.name} />}
      <div class="identity-words">
        <bdi class="identity-address">{identity.address || words.t("anonymous")}</bdi>
        <span class="identity-marks">
          <span class={identity.proven ? "mark-good" : "mark-plain"} data-tip={words.t(identity.proven ? "proven_why" : "claimed_why")}>
            <Icon name={identity.proven ? "check" : "help"} />
            {words.t(identity.proven ? "proven" : "claimed")}
          </span>
          {identity.opted_out && (
            <span class="mark-bad">
              <Icon name="alert" />
              {words.t("opted_out_short")}
            </span>
          )}
        </span>
        {identity.linked_by && (
          <span class="identity-linked">
            {words.t("linked_by", { name: identity.linked_by })}
            <button type="button" class="button link" onClick={unlink}>
              {words.t("unlink")}
            </button>
          </span>
        )}
      </div>
    </li>
  );
}

export function Identities({ contact, change }: ContactProps): VNode {
  const { words } = useDesk();
  return (
    <section>
      <h3>{words.t("addresses")}</h3>
      <ul class="identities">
        {contact.identities.map((identity) => (
          <Address
            identity={identity}
            key={identity.id}
            unlink={() => void change("POST", "/unlink", { identity: identity.id, reason: "" })}
          />
        ))}
      </ul>
    </section>
  );
}
