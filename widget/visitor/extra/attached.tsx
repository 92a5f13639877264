/** What a message leads to. A file is a picture if a browser shows it, else its name to download. */
import type { VNode } from "preact";
import { safeUrl } from "../../shared/links";
import type { Attachment } from "../../shared/types";
import { icon } from "../view/icons";
import type { Ui } from "../view/ui";

const File = icon("M14 3H7a2 2 0 00-2 2v14a2 2 0 002 2h10a2 2 0 002-2V8zM14 3v5h5");

export const Attached = ({ file, ui }: { file: Attachment; ui: Ui }): VNode => {
  const { chat, words } = ui;
  const { name, width, height, state } = file;
  const url = state === "ready" && safeUrl(file.url, chat.hub);
  const label = [<File />, <bdi>{name}</bdi>];
  if (!url)
    return (
      <span class="file">
        {label} {state === "failed" ? words.unreadable : words.pending}
      </span>
    );
  const picture = /^image\/(png|jpeg|gif|webp)$/.test(file.media_type);
  return (
    <a class={picture ? "picture" : "file"} href={url} target="_blank" rel="noopener noreferrer">
      {picture ? (
        <img src={url} alt={name} loading="lazy" width={width ?? undefined} height={height ?? undefined} />
      ) : (
        label
      )}
    </a>
  );
};

/** A button that only opens a page. */
export const LinkButton = ({ title, url }: { title: string; url: string }): VNode | null => {
  const href = safeUrl(url);
  return href ? (
    <a class="pill" href={href} target="_blank" rel="noopener noreferrer" dir="auto">
      {title}
    </a>
  ) : null;
};
