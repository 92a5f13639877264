/** Reply or note: grows with the text, keeps the draft, says what stands in the way of sending. */
import type { VNode } from "preact";
import { sends as entersToSend, typed } from "../../shared/ime";
import type { Summary } from "../../shared/types";
import type { Tab } from "../core/drafts";
import { contactName } from "../core/names";
import type { Thread } from "../core/thread";
import type { Key } from "../core/words";
import { ChosenFiles } from "./attach";
import { useDesk } from "./context";
import { keyWords } from "./controls";
import { Icon } from "./icons";
import { useWriting, type Writing } from "./writing";

const COUNT_FROM = 0.8;

function TabButton({ name, label, writing }: { name: Tab; label: "reply" | "note"; writing: Writing }): VNode {
  const { words, settings, commands } = useDesk();
  const chosen = writing.tab.value === name;
  const keys = commands.find((command) => command.id === label)?.keys[0] ?? "";
  return (
    <button
      type="button"
      role="tab"
      id={`tab-${name}`}
      class="tab"
      aria-selected={chosen}
      aria-controls="composer-field"
      tabIndex={chosen ? 0 : -1}
      data-tip={words.t(label)}
      data-keys={settings.now.value.singleKeys ? keyWords(keys) : undefined}
      onClick={() => writing.choose(name)}
    >
      {words.t(label)}
    </button>
  );
}

function Tabs({ writing }: { writing: Writing }): VNode {
  const { words } = useDesk();
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = writing.note ? "text" : "note";
    writing.choose(other);
    document.getElementById(`tab-${other}`)?.focus();
  };
  return (
    <div role="tablist" aria-label={words.t("write")} class="tabs" onKeyDown={onKeyDown}>
      <TabButton name="text" label="reply" writing={writing} />
      <TabButton name="note" label="note" writing={writing} />
    </div>
  );
}

/** The customer wrote on while this was being written. */
function Newer({ thread, writing, name }: { thread: Thread; writing: Writing; name: string }): VNode | null {
  const { words } = useDesk();
  const { text, seen } = writing.draft.value;
  const newer = thread.messages.value.filter((message) => message.sender === "contact" && message.seq > seen).length;
  if (!text || !seen || !newer) return null;
  return (
    <p class="composer-hint" role="status">
      <Icon name="info" />
      <span dir="auto">{words.t("newer", { n: newer, name })}</span>
    </p>
  );
}

function Field({ writing, row, name }: { writing: Writing; row: Summary; name: string }): VNode {
  const { words, settings } = useDesk();
  const { note } = writing;
  const place: Key = note ? "note_place" : row.status === "pending" ? "reply_bot_place" : "reply_place";
  const onKeyDown = (event: KeyboardEvent): void => {
    const forced = event.key === "Enter" && (event.ctrlKey || event.metaKey) && typed(event);
    if (forced || (settings.now.value.enterSends && entersToSend(event))) {
      event.preventDefault();
      writing.send();
    } else if (event.key === "Escape" && typed(event)) {
      writing.field.current?.blur();
      document.getElementById(`row-${row.id}`)?.focus();
    }
  };
  return (
    <textarea
      ref={writing.field}
      id="composer-field"
      rows={2}
      dir="auto"
      aria-label={words.t(note ? "note" : "reply")}
      placeholder={words.t(place, { name })}
      value={writing.draft.value.text}
      onInput={(event) => writing.change(event.currentTarget.value)}
      onKeyDown={onKeyDown}
      onPaste={(event) => writing.attached.add(event.clipboardData?.files, writing.filesMax)}
      onBlur={writing.rest}
    />
  );
}

function Attach({ writing }: { writing: Writing }): VNode {
  const { words } = useDesk();
  const off = !writing.filesMax || writing.barred;
  const label = words.t(writing.filesMax ? "attach" : "attach_never");
  return (
    <label class="button quiet square attach" data-tip={label} aria-disabled={off}>
      <Icon name="attach" />
      <input
        type="file"
        multiple
        class="unseen"
        aria-label={label}
        disabled={off}
        onChange={(event) => {
          writing.attached.add(event.currentTarget.files, writing.filesMax);
          event.currentTarget.value = "";
        }}
      />
    </label>
  );
}

/** What sending will do besides sending. */
function verb(row: Summary, me: string, note: boolean): Key {
  if (note) return "add_note";
  if (row.status === "resolved" || row.status === "snoozed") return "reopen_send";
  if (row.status === "pending" || (row.assignee && row.assignee.id !== me)) return "take_send";
  return "send";
}

function Foot({ writing, row }: { writing: Writing; row: Summary }): VNode {
  const { words, me, settings } = useDesk();
  const { enterSends } = settings.now.value;
  const used = writing.draft.value.text.length;
  return (
    <div class="composer-foot">
      <Attach writing={writing} />
      {used > writing.limit * COUNT_FROM && (
        <span class={`counter${used > writing.limit ? " over" : ""}`} role="status">
          {words.t("characters", { used, limit: writing.limit })}
        </span>
      )}
      <span class="composer-hints">{enterSends && words.t("newline_hint", { keys: "Shift+Enter" })}</span>
      <button type="submit" class="button primary send" disabled={!writing.ready}>
        {words.t(verb(row, me.id, writing.note))} <kbd>{enterSends ? "Enter" : keyWords("Mod+Enter")}</kbd>
      </button>
    </div>
  );
}

export function Composer({ thread, row }: { thread: Thread; row: Summary }): VNode {
  const { words } = useDesk();
  const writing = useWriting(thread, row);
  const name = contactName(row, words);
  return (
    <form
      class={`composer${writing.note ? " is-note" : ""}`}
      aria-label={words.t("write")}
      onSubmit={(event) => {
        event.preventDefault();
        writing.send();
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        writing.attached.add(event.dataTransfer?.files, writing.filesMax);
      }}
    >
      <div class="composer-top">
        <Tabs writing={writing} />
        <Newer thread={thread} writing={writing} name={name} />
      </div>
      {writing.barred ? (
        <p class="composer-barred" role="status">
          <Icon name="alert" />
          {words.t("opted_out")}
        </p>
      ) : (
        <Field writing={writing} row={row} name={name} />
      )}
      <ChosenFiles attached={writing.attached} />
      <Foot writing={writing} row={row} />
    </form>
  );
}
