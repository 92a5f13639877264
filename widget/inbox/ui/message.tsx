/** One message: the customer's left, ours right, the bot's marked as bot, notes on their band. */
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { format, safeUrl } from "../../shared/text";
import { clock } from "../../shared/time";
import type { AgentMessage, Attachment, Delivery } from "../../shared/types";
import { bytes } from "../core/format";
import { contactName } from "../core/names";
import type { Thread } from "../core/thread";
import type { Key, Words } from "../core/words";
import { useDesk } from "./context";
import { Icon, type IconName } from "./icons";
import { Reading } from "./reading";

export function Files({ files }: { files: readonly Attachment[] }): VNode | null {
  const { words } = useDesk();
  if (!files.length) return null;
  return (
    <ul class="files">
      {files.map((file) => (
        <li key={file.id}>
          <File file={file} words={words} />
        </li>
      ))}
    </ul>
  );
}

const PREVIEW_PX = 240;

function File({ file, words }: { file: Attachment; words: Words }): VNode {
  const url = file.state === "ready" ? safeUrl(file.url, window.location.href) : null;
  if (url && file.media_type.startsWith("image/") && file.width && file.height) {
    const scale = Math.min(1, PREVIEW_PX / Math.max(file.width, file.height));
    return (
      <a class="file-image" href={url} target="_blank" rel="noopener noreferrer">
        <img src={url} alt={file.name} width={Math.round(file.width * scale)} height={Math.round(file.height * scale)} loading="lazy" />
      </a>
    );
  }
  const state: Key | null = file.state === "pending" ? "file_pending" : file.state === "failed" ? "file_failed" : null;
  const inside = (
    <>
      <Icon name={file.state === "failed" ? "alert" : "file"} />
      <span class="file-name" dir="auto">
        {file.name}
      </span>
      <span class="file-size">{state ? words.t(state) : bytes(file.size, words.locale.value)}</span>
    </>
  );
  if (!url) return <span class="file">{inside}</span>;
  return (
    <a class="file" href={url} target="_blank" rel="noopener noreferrer" download={file.name}>
      {inside}
    </a>
  );
}

const STATES: Record<Delivery, { key: Key; icon: IconName } | null> = {
  stored: null,
  queued: { key: "state_queued", icon: "clock" },
  sent: { key: "state_sent", icon: "check" },
  delivered: { key: "state_delivered", icon: "checks" },
  read: { key: "state_read", icon: "checks" },
  failed: { key: "state_failed", icon: "alert" },
  uncertain: { key: "state_uncertain", icon: "alert" },
};

/** How far our message got: quiet under the last one, loud wherever it went wrong. */
function DeliveryLine({ message, thread, last }: { message: AgentMessage; thread: Thread; last: boolean }): VNode | null {
  const { words } = useDesk();
  const ours = message.sender === "agent" || message.sender === "bot";
  if (!ours || message.kind !== "text" || message.removed) return null;
  const wrong = message.state === "failed" || message.state === "uncertain";
  if (!last && !wrong) return null;
  const read = !wrong && thread.seen.value >= message.seq;
  const state = STATES[read ? "read" : message.state];
  if (!state) return null;
  return (
    <p class={`delivery ${message.state}`}>
      <Icon name={state.icon} />
      {words.t(state.key)}
      {wrong && message.error && <span dir="auto"> · {message.error}</span>}
    </p>
  );
}

function Meta({ message }: { message: AgentMessage }): VNode {
  const { words, lists, me } = useDesk();
  const row = lists.row(message.conversation)?.value ?? null;
  const names: Record<AgentMessage["sender"], string> = {
    contact: contactName(row, words),
    agent: message.author?.id === me.id ? words.t("you") : (message.author?.name ?? words.t("by_us")),
    bot: message.author?.name ?? words.t("bot"),
    system: words.t("system"),
  };
  return (
    <p class="meta">
      {message.kind === "note" && <Icon name="note" />}
      <span class="meta-name" dir="auto">
        {names[message.sender]}
      </span>
      {message.sender === "bot" && <span class="tag">{words.t("bot")}</span>}
      {message.kind === "note" && <span class="meta-note">{words.t("note_only_us")}</span>}
      <time dateTime={message.created_at}>{clock(message.created_at, words.locale.value)}</time>
    </p>
  );
}

function Body({ message, thread }: { message: AgentMessage; thread: Thread }): VNode {
  const { words } = useDesk();
  const chosen = thread.messages.value.filter((other) => other.chosen?.[0] === message.seq).map((other) => other.chosen?.[1]);
  if (message.removed) return <p class="bubble removed">{words.t("removed")}</p>;
  return (
    <>
      {message.text && (
        <div class="bubble" dir="auto">
          {format(message.text, message.sender === "bot")}
        </div>
      )}
      <Files files={message.attachments} />
      {message.buttons.length > 0 && (
        <ul class="offered" aria-label={words.t("offered")}>
          {message.buttons.map((button, index) => (
            <li key={index} class={chosen.includes(index) ? "chosen" : ""} dir="auto">
              {button.title}
              {chosen.includes(index) && <span class="unseen"> ({words.t("chosen")})</span>}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

interface MessageProps {
  message: AgentMessage;
  first: boolean;
  last: boolean;
  thread: Thread;
}

export function MessageView({ message, first, last, thread }: MessageProps): VNode {
  const { words } = useDesk();
  const open = useSignal(false);
  const known = Boolean(message.trace ?? message.page?.["url"]);
  const side = message.kind === "note" ? "note" : message.sender === "contact" ? "theirs" : `ours ${message.sender}`;
  return (
    <article class={`message ${side}${first ? " first" : ""}`} data-seq={message.seq}>
      {first && <Meta message={message} />}
      <div class="message-line">
        <div class="message-body">
          <Body message={message} thread={thread} />
        </div>
        {known && (
          <button
            type="button"
            class={`button quiet square ask${message.trace?.fallback ? " fallback" : ""}`}
            aria-expanded={open.value}
            aria-label={words.t(message.trace?.fallback ? "why_fallback" : "why")}
            data-tip={words.t(message.trace?.fallback ? "why_fallback" : "why")}
            onClick={() => {
              open.value = !open.value;
            }}
          >
            <Icon name="info" />
          </button>
        )}
      </div>
      {open.value && <Reading trace={message.trace} page={message.page} />}
      <DeliveryLine message={message} thread={thread} last={last} />
    </article>
  );
}
