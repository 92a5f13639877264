/** Text of the house to nodes: a small Markdown (bold, italic, code, links, lists). Visitors' text gets links only. */
import type { ComponentChildren } from "preact";
import { ADDRESS, bare, link, links, weave } from "./links";

export { safeUrl } from "./links";

const CODE = "`([^`\\n]+)`";
const LABELLED = "\\[([^\\]\\n]+)\\]\\(([^\\s()]+(?:\\([^\\s()]*\\))?[^\\s()]*)\\)";
const BOLD = "\\*\\*(?=\\S)(.+?)\\*\\*";
const ITALIC = "(?<![\\p{L}\\p{N}*_])([*_])(?=[^\\s*_])(.+?)\\5(?![\\p{L}\\p{N}*_])";
const RICH = new RegExp([CODE, LABELLED, BOLD, ITALIC, ADDRESS.source].join("|"), "giu");
const ITEM = /^\s{0,3}(?:[-*•]|(\d{1,3})[.)])\s+(.*)$/;

const node = ([match, code, label, href, bold, , italic]: RegExpExecArray): ComponentChildren => {
  if (code) return <code>{code}</code>;
  if (bold) return <strong>{inline(bold)}</strong>;
  if (italic) return <em>{inline(italic)}</em>;
  return label && href ? link(href, label, match) : bare(match);
};

const inline = (text: string): ComponentChildren[] => weave(text, RICH, node);

/** Lines in order: runs of list items become lists, everything else stays as written. */
const blocks = (text: string): ComponentChildren[] => {
  const out: ComponentChildren[] = [];
  let prose: string[] = [];
  let items: RegExpExecArray[] = [];
  const flush = (): void => {
    const said = prose.join("\n");
    const text = out.length ? said.replace(/^\n+/, "") : said;
    if (text) out.push(...inline(text));
    const lines = items.map((item) => <li>{inline(item[2] ?? "")}</li>);
    if (items[0]?.[1]) out.push(<ol start={Number(items[0][1])}>{lines}</ol>);
    else if (items.length) out.push(<ul>{lines}</ul>);
    prose = [];
    items = [];
  };
  for (const line of text.split("\n")) {
    const item = ITEM.exec(line);
    if (item ? prose.length : items.length) flush();
    if (item) items.push(item);
    else prose.push(line);
  }
  flush();
  return out;
};

/** Nodes for `text`; `rich` reads Markdown, which is for bots and agents, never for visitors. */
export const format = (text: string, rich = false): ComponentChildren[] => (rich ? blocks(text) : links(text));
