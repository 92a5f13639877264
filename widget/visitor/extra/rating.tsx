/** After the end: how it was, in one click and, for who wants, a sentence. */
import type { VNode } from "preact";
import { fill } from "../../shared/locale";
import { icon } from "../view/icons";
import type { Ui } from "../view/ui";

const Star = icon("M12 3.5l2.6 5.3 5.9.9-4.3 4.1 1 5.8L12 16.9l-5.2 2.7 1-5.8L3.5 9.7l5.9-.9z");

const rate = async ({ chat, draw }: Ui, score: number, comment: string): Promise<void> => {
  const id = chat.conversation?.id;
  const ack = await chat.ask("rate", { score, comment });
  if (ack.ok && chat.conversation?.id === id && chat.conversation) {
    chat.conversation = { ...chat.conversation, rated: score };
  }
  draw();
};

export const Rating = ({ ui }: { ui: Ui }): VNode => {
  const { words } = ui;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const comment = new FormData(event.currentTarget as HTMLFormElement).get("comment");
    void rate(ui, ui.score, String(comment ?? ""));
    ui.score = 0;
    ui.input?.focus();
  };
  const star = (n: number): VNode => (
    <label class={n <= ui.score ? "on" : ""}>
      <input
        type="radio"
        name="score"
        class="sr"
        aria-label={fill(words.score, { n })}
        onChange={() => {
          ui.score = n;
          ui.draw();
        }}
      />
      <Star />
    </label>
  );
  return (
    <form class="rating" key="rating" onSubmit={submit}>
      <fieldset>
        <legend>{words.rate}</legend>
        {[1, 2, 3, 4, 5].map(star)}
      </fieldset>
      {ui.score > 0 && [
        <textarea
          name="comment"
          dir="auto"
          rows={2}
          maxLength={2000}
          placeholder={words.comment}
          aria-label={words.comment}
        />,
        <button type="submit" class="primary">
          {words.rateSend}
        </button>,
      ]}
    </form>
  );
};
