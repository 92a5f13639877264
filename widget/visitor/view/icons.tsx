/** The few pictures of the widget: one stroke, the text's colour. */
import type { VNode } from "preact";

export const icon = (d: string) => (): VNode => (
  <svg viewBox="0 0 24 24" aria-hidden="true">
    <path d={d} />
  </svg>
);

export const Close = icon("M6 6l12 12M18 6L6 18");
export const More = icon("M5 11v2M12 11v2M19 11v2");
export const Send = icon("M12 19V5M5 12l7-7 7 7");
export const Clip = icon(
  "M20 11.5l-8.6 8.6a5 5 0 01-7-7l8.5-8.6a3.3 3.3 0 014.7 4.7l-8.6 8.6a1.7 1.7 0 01-2.4-2.4l7.9-7.9",
);
export const Bot = icon("M12 4v4M6 8h12a2 2 0 012 2v7a2 2 0 01-2 2H6a2 2 0 01-2-2v-7a2 2 0 012-2zM9 13h.01M15 13h.01");
export const People = icon(
  "M15 20v-1a4 4 0 00-4-4H7a4 4 0 00-4 4v1M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7M21 20v-1a4 4 0 00-3-3.9M16 4.1a3.5 3.5 0 010 6.8",
);
