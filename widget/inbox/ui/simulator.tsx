/** Plays a phone, so that texting can be tried without an account: developers' page for administrators. */
import { type Signal, useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import { sends } from "../../shared/ime";
import { clock } from "../../shared/time";
import { ApiError, withQuery } from "../core/api";
import { useDesk } from "./context";
import { Empty, Problem } from "./controls";
import { Icon } from "./icons";

const POLL_MS = 1000;
const TEXT_MAX = 1600;

/** What the phone received and sent: `GET /api/simulator/{inbox}?sender=`. */
interface Texts {
  items: { at: string; text: string; from_us: boolean; state: "queued" | "sent" | "delivered" | "refused" }[];
}

interface Phone {
  items: Signal<Texts["items"]>;
  error: Signal<ApiError | null>;
  /** True if the hub took it. */
  send(text: string): Promise<boolean>;
}

function usePhone(inbox: string, sender: string, usable: boolean): Phone {
  const { api } = useDesk();
  const items = useSignal<Texts["items"]>([]);
  const error = useSignal<ApiError | null>(null);
  const path = `/api/simulator/${encodeURIComponent(inbox)}`;

  const attempt = async (work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      error.value = null;
      return true;
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      error.value = reason;
      return false;
    }
  };
  useEffect(() => {
    if (!usable) return;
    const poll = (): void =>
      void attempt(async () => {
        items.value = (await api.get<Texts>(withQuery(path, { sender }))).items;
      });
    poll();
    const timer = setInterval(poll, POLL_MS);
    return () => clearInterval(timer);
  }, [path, sender, usable]);
  return { items, error, send: (text) => attempt(() => api.send("POST", path, { sender, text })) };
}

function Screen({ items }: { items: Texts["items"] }): VNode {
  const { words } = useDesk();
  return (
    <div class="phone" role="log" aria-label={words.t("messages")} tabIndex={0}>
      {items.map((item, index) => (
        <div class={`sms ${item.from_us ? "from-us" : "from-phone"}`} key={index}>
          <p dir="auto">{item.text}</p>
          <small>
            {clock(item.at, words.locale.value)} · {words.t(`state_${item.state}`)}
          </small>
        </div>
      ))}
    </div>
  );
}

function Write({ phone, usable }: { phone: Phone; usable: boolean }): VNode {
  const { words } = useDesk();
  const text = useSignal("");
  const send = async (): Promise<void> => {
    const written = text.value.trim();
    if (written && usable && (await phone.send(written))) text.value = "";
  };
  return (
    <form
      class="phone-write"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <textarea
        rows={1}
        dir="auto"
        maxLength={TEXT_MAX}
        aria-label={words.t("text_message")}
        placeholder={words.t("text_message")}
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          if (!sends(event)) return;
          event.preventDefault();
          void send();
        }}
      />
      <button type="submit" class="button primary" disabled={!text.value.trim() || !usable}>
        <Icon name="send" />
        {words.t("send")}
      </button>
    </form>
  );
}

interface WhoProps {
  inbox: Signal<string>;
  chosen: string;
  sender: Signal<string>;
  valid: boolean;
}

function Who({ inbox, chosen, sender, valid }: WhoProps): VNode {
  const { people, words } = useDesk();
  const inboxes = [...people.inboxes.value.values()].filter((one) => one.simulated);
  return (
    <div class="simulator-who">
      <label class="field">
        {words.t("inbox")}
        <select
          value={chosen}
          onChange={(event) => {
            inbox.value = event.currentTarget.value;
          }}
        >
          {inboxes.map((one) => (
            <option value={one.id} key={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        {words.t("phone")}
        <input
          type="tel"
          value={sender.value}
          aria-invalid={!valid}
          onInput={(event) => {
            sender.value = event.currentTarget.value.trim();
          }}
        />
      </label>
    </div>
  );
}

export function Simulator(): VNode {
  const { people, words } = useDesk();
  const inbox = useSignal("");
  const sender = useSignal("+14155550123");
  const first = [...people.inboxes.value.values()].find((one) => one.simulated)?.id ?? "";
  const chosen = inbox.value || first;
  const valid = /^\+[1-9]\d{5,14}$/.test(sender.value);
  const usable = valid && chosen !== "";
  const phone = usePhone(chosen, sender.value, usable);
  return (
    <main class="simulator">
      <p>
        <a href="#/queue">{words.t("back_to_list")}</a>
      </p>
      <h1>{words.t("simulator")}</h1>
      <p class="hint">{words.t("simulator_lead")}</p>
      {first ? <Who inbox={inbox} chosen={chosen} sender={sender} valid={valid} /> : <Empty title={words.t("simulator_none")} />}
      {phone.error.value && <Problem error={phone.error.value} />}
      <Screen items={phone.items.value} />
      <Write phone={phone} usable={usable} />
    </main>
  );
}
