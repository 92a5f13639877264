/** Line icons on a 20 x 20 grid, drawn with the text colour. Decoration: the words are beside or in the label. */
import type { VNode } from "preact";

const PATHS = {
  alert: "M10 6.5v4M10 13.4v.1M10 2.8 2.4 16.2h15.2z",
  assign: "M8 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6M2.5 16.5c.5-3 2.5-4.5 5.5-4.5 1.4 0 2.6.3 3.5 1M14.5 11.5v5M12 14h5",
  attach: "m15.5 9.5-5.8 5.8a3.6 3.6 0 0 1-5.1-5.1l6.3-6.3a2.4 2.4 0 0 1 3.4 3.4l-6.2 6.2a1.2 1.2 0 0 1-1.7-1.7l5.6-5.6",
  back: "M12 4.5 6.5 10l5.5 5.5",
  bot: "M10 3v2.5M5 5.5h10a1.5 1.5 0 0 1 1.5 1.5v7a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 14V7A1.5 1.5 0 0 1 5 5.5M7.3 9.5v1.5M12.7 9.5v1.5",
  check: "m4 10.5 4 4 8-9",
  checks: "m2 10.5 3.6 4L12 6.5M9.5 13.2l1.2 1.3L18 6.5",
  clock: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14M10 6v4.2l2.8 1.6",
  close: "m5 5 10 10M15 5 5 15",
  down: "m5.5 8 4.5 4.5L14.5 8",
  edit: "m4 16 .8-3.2L13.6 4l2.4 2.4-8.8 8.8z",
  file: "M5.5 3h6l3.5 3.5V17h-9.5zM11.5 3v3.5H15",
  gear: "M10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M10 2.5v2M10 15.5v2M2.5 10h2M15.5 10h2M4.7 4.7l1.4 1.4M13.9 13.9l1.4 1.4M4.7 15.3l1.4-1.4M13.9 6.1l1.4-1.4",
  handback: "M7.5 4 3.5 8l4 4M3.5 8h8a5 5 0 0 1 5 5v3",
  help: "M7.5 7.7a2.5 2.5 0 1 1 3.7 2.2c-.8.5-1.2.9-1.2 1.9M10 14.6v.1M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15",
  info: "M10 9.2v4.3M10 6.6v.1M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15",
  inbox: "M3 11.5h4l1 2h4l1-2h4M5.5 4h9L17 11.5V15a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1v-3.5z",
  link: "m8.3 11.7 3.4-3.4M9 5.8l1.3-1.3a3.6 3.6 0 0 1 5.2 5.2L14.2 11M11 14.2l-1.3 1.3a3.6 3.6 0 0 1-5.2-5.2L5.8 9",
  menu: "M3.5 6h13M3.5 10h13M3.5 14h13",
  note: "M4 4h12v8.5L12.5 16H4zM12.5 16v-3.5H16M7 7.5h6M7 10.5h3",
  open: "M3.5 5.5A1.5 1.5 0 0 1 5 4h10a1.5 1.5 0 0 1 1.5 1.5v7A1.5 1.5 0 0 1 15 14h-5l-4 3v-3H5a1.5 1.5 0 0 1-1.5-1.5z",
  phone: "M6.5 2.5h7a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1v-13a1 1 0 0 1 1-1M9 15h2",
  person: "M10 9.5a3.2 3.2 0 1 0 0-6.5 3.2 3.2 0 0 0 0 6.5M3.8 17c.5-3.3 2.8-5 6.2-5s5.7 1.7 6.2 5",
  panel: "M3.5 4h13v12h-13zM12 4v12",
  plus: "M10 4v12M4 10h12",
  queue: "M4 5h12M4 10h12M4 15h7",
  release: "M10 13V4M6.5 7.5 10 4l3.5 3.5M3.5 12v4h13v-4",
  retry: "M15.8 10a5.8 5.8 0 1 1-1.7-4.1L16 7.8M16 3.8v4h-4",
  search: "M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11M13 13l4 4",
  send: "M3.5 10 16.5 3.8l-3.3 12.8-3.6-4.8zM9.6 11.8l6.9-8",
  snooze: "M10 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13M8 8h4l-4 5h4M3 5l2.2-2M17 5l-2.2-2",
  unlink: "M9 5.8l1.3-1.3a3.6 3.6 0 0 1 5.2 5.2L14.2 11M11 14.2l-1.3 1.3a3.6 3.6 0 0 1-5.2-5.2L5.8 9M4 4l12 12",
} as const;

export type IconName = keyof typeof PATHS;

export const Icon = ({ name }: { name: IconName }): VNode => (
  <svg class={`icon icon-${name}`} viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
    <path d={PATHS[name]} fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" />
  </svg>
);

/** A channel's own icon (24 x 24 path from its inbox) with its name for who cannot see it. */
export const ChannelIcon = ({ path, name }: { path: string; name: string }): VNode => (
  <svg class="icon channel" viewBox="0 0 24 24" width="16" height="16" role="img" aria-label={name}>
    <title>{name}</title>
    <path d={path} fill="currentColor" />
  </svg>
);
