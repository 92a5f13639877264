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
export const Clip = icon("M20 12l-8 8a5.6 5.6 0 01-8-8l8-8a4 4 0 016 6l-8 8a2 2 0 01-3-3l7-7");
export const Bot = icon("M12 4v4h6a2 2 0 012 2v7a2 2 0 01-2 2H6a2 2 0 01-2-2v-7a2 2 0 012-2h6M9 13h0M15 13h0");
export const People = icon("M3 20a6 6 0 0112 0M9 4a3 3 0 000 7 3 3 0 000-7M18 15a6 6 0 013 5M16 4a3 3 0 010 7");
