/** Anyone's text to text nodes and links, so that there is nothing to escape. */
import type { ComponentChildren, VNode } from "preact";

export const ADDRESS = /(?:https?:\/\/|mailto:|tel:)[^\s<>"'`。、，「」（）]+/gi;

/** The address if a browser may follow it from a chat, else null. */
export const safeUrl = (url: string, base?: string): string | null => {
  try {
    const { protocol, href } = new URL(url, base);
    return /^(https?|mailto|tel):$/.test(protocol) ? href : null;
  } catch {
    return null;
  }
};

/** A link if `url` is safe, else what stood there. */
export const link = (url: string, label: string, otherwise = label): VNode | string => {
  const href = safeUrl(url);
  if (!href) return otherwise;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {label}
    </a>
  );
};

/** Punctuation that ends a sentence is not part of the address; a closing bracket is if it was opened in it. */
export const bare = (match: string): ComponentChildren => {
  let url = match.replace(/[.,;:!?*_]+$/, "");
  while (url.endsWith(")") && url.split("(").length < url.split(")").length)
    url = url.slice(0, -1).replace(/[.,;:!?]+$/, "");
  return [link(url, url), match.slice(url.length)];
};

/** Put nodes in the place of every match. */
export const weave = (
  text: string,
  pattern: RegExp,
  node: (match: RegExpExecArray) => ComponentChildren,
): ComponentChildren[] => {
  const out: ComponentChildren[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    out.push(text.slice(end, match.index), node(match));
    end = match.index + match[0].length;
  }
  return [...out, text.slice(end)];
};

export const links = (text: string): ComponentChildren[] => weave(text, ADDRESS, ([match]) => bare(match));
