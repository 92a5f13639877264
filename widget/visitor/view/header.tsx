/** Who is answering, and how soon. */
import type { VNode } from "preact";
import { fill } from "../../shared/locale";
import { Bot, Close, More, People } from "./icons";
import { botName, isOver, type Ui } from "./ui";

interface Who {
  face: VNode | string;
  name: string;
  how: string;
}

/** Up to two letters; whole code points, because a name may start with an emoji. */
export const initials = (name: string): string =>
  name
    .split(/\s+/)
    .map((part) => [...part][0] ?? "")
    .join("")
    .slice(0, 2)
    .toUpperCase();

const who = (ui: Ui): Who => {
  const { conversation, inbox } = ui.chat;
  const { words } = ui;
  const name = inbox?.name ?? "";
  if (isOver(ui)) return { face: <People />, name, how: words.ended };
  if (conversation?.agent) {
    return { face: initials(conversation.agent.name), name: conversation.agent.name, how: words.answering };
  }
  if (conversation && conversation.status !== "pending") {
    const { queue_position: n } = conversation;
    return { face: <People />, name, how: n ? fill(words.place, { n: n.toLocaleString(ui.locale) }) : words.queue };
  }
  return inbox ? { face: <Bot />, name: botName(ui), how: words.instant } : { face: <Bot />, name, how: "" };
};

export const Header = ({ ui }: { ui: Ui }): VNode => {
  const { face, name, how } = who(ui);
  const { conversation } = ui.chat;
  const running = conversation && !isOver(ui);
  const toggle = (): void => {
    ui.menu = !ui.menu;
    ui.draw();
  };
  return (
    <div class="head">
      <span class="face" aria-hidden="true">
        {face}
      </span>
      <div class="who">
        <h2>
          <bdi>{name}</bdi>
        </h2>
        <p role="status">{how}</p>
      </div>
      {running && (
        <button class="icon" aria-label={ui.words.more} title={ui.words.more} aria-expanded={ui.menu} onClick={toggle}>
          <More />
        </button>
      )}
      {!ui.full && (
        <button class="icon" aria-label={ui.words.close} title={ui.words.close} onClick={ui.close}>
          <Close />
        </button>
      )}
      {running && ui.menu && ui.extra?.menu()}
    </div>
  );
};
