/** What every part of the screen is given: the chat, the words, and the little that is only on screen. */
import type { Chat } from "../chat";
import type { Extra } from "../extra/extra";
import type { Message } from "../../shared/types";
import type { Words } from "../words";

export interface Ui {
  chat: Chat;
  words: Words;
  locale: string;
  /** A page of its own: always open. */
  full: boolean;
  open: boolean;
  menu: boolean;
  /** The visitor has scrolled up and something new is below. */
  below: boolean;
  /** Something is written and could be sent. */
  filled: boolean;
  score: number;
  /** The connection has been gone for long enough to mention it. */
  gone: boolean;
  input: HTMLTextAreaElement | null;
  log: HTMLElement | null;
  /** Uploads and rating, once they were needed. */
  extra: Extra | null;
  /** Draw soon; many calls make one drawing. */
  draw: () => void;
  close: () => void;
  attach: (files: Iterable<File>) => void;
}

/** The bot's name as its owner gave it. */
export const botName = (ui: Ui): string => ui.chat.inbox?.bot_name || ui.words.assistant;

/** Say it and go on writing. */
export const say = (ui: Ui, text: string, index?: number, seq = 0): void => {
  const choice = index === undefined ? null : { message_seq: seq, index };
  ui.chat.send({ text: choice ? "" : text, attachments: [], choice, label: text });
  ui.input?.focus();
};

/** Text with a link, or of the house and perhaps Markdown. */
export const isMarked = ({ sender, text }: Message): boolean =>
  /:\/\/|mailto:|tel:/i.test(text) || (sender !== "contact" && /[*_`[]|^ {0,3}(-|•|\d+[.)]) /m.test(text));

export const isOver = ({ chat }: Ui): boolean => chat.conversation?.status === "resolved";

/** The conversation is over and its visitor has not said how it was. */
export const unrated = (ui: Ui): boolean => isOver(ui) && ui.chat.conversation?.rated === null;

/** Something on screen needs what is fetched later. */
export const needsExtra = (ui: Ui): boolean => {
  const { messages } = ui.chat.log;
  const special = (message: Message): boolean =>
    message.attachments.length > 0 || message.buttons.some(({ url }) => url) || isMarked(message);
  return ui.menu || ui.below || unrated(ui) || messages.some(special);
};
