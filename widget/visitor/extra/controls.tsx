/** Buttons of rare moments: the header's menu, and the way to the latest message. */
import type { VNode } from "preact";
import { icon } from "../view/icons";
import type { Ui } from "../view/ui";

const Down = icon("M12 5v14M5 12l7 7 7-7");

export const Menu = ({ ui }: { ui: Ui }): VNode => {
  const end = (): void => {
    void ui.chat.ask("end", {});
    ui.menu = false;
    ui.draw();
    ui.input?.focus();
  };
  return (
    <div class="menu">
      <button onClick={end}>{ui.words.end}</button>
    </div>
  );
};

export const Jump = ({ ui }: { ui: Ui }): VNode => {
  const { words } = ui;
  return (
    <button class="jump" aria-label={words.latest} title={words.latest} onClick={() => ui.log?.scrollTo(0, ui.log.scrollHeight)}>
      <Down />
    </button>
  );
};
