/** What only some conversations need, fetched when one does: links and Markdown, files, the rating, rare buttons. */
import type { ComponentChildren, VNode } from "preact";
import { format } from "../../shared/text";
import type { Attachment, Message } from "../../shared/types";
import type { Ui } from "../view/ui";
import { Attached, LinkButton } from "./attached";
import { Chips } from "./chips";
import { Jump, Menu } from "./controls";
import css from "./extra.css?inline";
import { Rating } from "./rating";
import { Uploads } from "./uploads";

export interface Extra {
  uploads: Uploads;
  chips: () => VNode | null;
  rating: () => VNode;
  attached: (file: Attachment) => VNode;
  text: (message: Message) => ComponentChildren;
  linkButton: (title: string, url: string) => VNode | null;
  menu: () => VNode;
  jump: () => VNode;
}

export const load = (ui: Ui, root: DocumentOrShadowRoot): Extra => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets.push(sheet);
  const uploads = new Uploads(ui.chat.hub, () => ui.chat.session.sender(), ui.draw);
  return {
    uploads,
    chips: () => <Chips uploads={uploads} ui={ui} />,
    rating: () => <Rating ui={ui} />,
    attached: (file) => <Attached key={file.id} file={file} ui={ui} />,
    text: ({ text, sender }) => format(text, sender !== "contact"),
    linkButton: (title, url) => <LinkButton title={title} url={url} />,
    menu: () => <Menu ui={ui} />,
    jump: () => <Jump ui={ui} />,
  };
};
