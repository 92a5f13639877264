/** Where the visitor writes. The textarea keeps its own text: nothing is drawn anew at a key press. */
import type { VNode } from "preact";
import { sends } from "../../shared/ime";
import type { MAX_TEXT } from "../../shared/types";
import { Clip, Send } from "./icons";
import { isOver, type Ui } from "./ui";

const most: MAX_TEXT = 8000;

/** As high as its text; the stylesheet sets the limit. */
const grow = (input: HTMLTextAreaElement): void => {
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight}px`;
};

const refresh = (ui: Ui): void => {
  const filled = Boolean(ui.input?.value.trim());
  if (filled === ui.filled) return;
  ui.filled = filled;
  ui.draw();
};

const sendable = ({ filled, extra }: Ui): boolean =>
  !extra?.uploads.busy && (filled || Boolean(extra?.uploads.list.length));

const submit = (ui: Ui): void => {
  const { input } = ui;
  if (!input || !sendable(ui)) return;
  const text = input.value.trim();
  const { ids, names } = ui.extra?.uploads.take() ?? { ids: [], names: [] };
  input.value = "";
  grow(input);
  ui.filled = false;
  ui.chat.send({ text, attachments: ids, choice: null, label: names.join(", ") });
  ui.chat.type(false);
  input.focus();
};

const Attach = ({ ui }: { ui: Ui }): VNode => (
  <label class="icon" title={ui.words.attach}>
    <input
      type="file"
      multiple
      class="sr"
      aria-label={ui.words.attach}
      onChange={({ currentTarget: input }) => {
        ui.attach([...(input.files ?? [])]);
        input.value = "";
      }}
    />
    <Clip />
  </label>
);

export const Composer = ({ ui }: { ui: Ui }): VNode => {
  const { chat, words } = ui;
  const pasted = (event: ClipboardEvent): void => {
    const files = event.clipboardData?.files;
    if (!files?.length || !chat.inbox?.uploads) return;
    event.preventDefault();
    ui.attach([...files]);
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit(ui);
      }}
    >
      {ui.extra?.chips()}
      <div class="field">
        {chat.inbox?.uploads && <Attach ui={ui} />}
        <textarea
          ref={(input) => {
            ui.input = input;
          }}
          rows={1}
          dir="auto"
          maxLength={most}
          enterkeyhint="send"
          placeholder={isOver(ui) ? words.again : words.write}
          aria-label={words.write}
          onPaste={pasted}
          onInput={({ currentTarget: input }) => {
            grow(input);
            refresh(ui);
            chat.type(Boolean(input.value));
          }}
          onKeyDown={(event) => {
            if (!sends(event)) return;
            event.preventDefault();
            submit(ui);
          }}
        />
        <button type="submit" class="send" aria-label={words.send} title={words.send} disabled={!sendable(ui)}>
          <Send />
        </button>
      </div>
    </form>
  );
};
