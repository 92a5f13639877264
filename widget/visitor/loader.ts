/**
 * `/widget.js`: the launcher and the `frontdesk()` queue. All else is fetched when the visitor reaches for it, or when
 * this browser has a conversation.
 */
import { direction } from "../shared/locale";
import { readObject } from "../shared/storage";
import { type Boot, type EventName, type Kept, keptAt, type Panel, type Place, tell } from "./boot";
import css from "./loader.css?inline";
import { painted } from "./paint";

/** Path of the panel this loader belongs to; set by the build. */
declare const __PANEL__: string;

type Call = [name: string, ...args: unknown[]];
type Queue = ((...call: Call) => void) & { q?: ArrayLike<unknown>[] };
type PanelModule = { mount: (place: Place) => Promise<Panel> };

const script = document.currentScript as HTMLScriptElement | null;
const SVG = "http://www.w3.org/2000/svg";
const NARROW = 480;

let boot: Boot | undefined;
let host: HTMLElement | undefined;
let frame: HTMLElement;
let launcher: HTMLButtonElement;
let mounted: Promise<Panel> | undefined;
let panel: Panel | undefined;
let module: Promise<PanelModule> | undefined;
let tries = 0;

const hub = (): string => boot?.hub ?? new URL(script?.src ?? location.href).origin;
const openAt = (key: string): string => `${keptAt(key)}:open`;

/** A browser remembers that a module failed, so another try needs another address. */
const fetchPanel = (): Promise<PanelModule> => {
  module ??= import(/* @vite-ignore */ hub() + __PANEL__ + (tries++ ? `?${tries}` : "")).catch((error: unknown) => {
    module = undefined;
    throw error;
  });
  return module as Promise<PanelModule>;
};

const start = (): Promise<Panel> => {
  mounted ??= fetchPanel()
    .then(({ mount }) =>
      mount({ root: host?.shadowRoot as ShadowRoot, frame, hub: hub(), boot: boot as Boot, full: false, launcher }),
    )
    .then((ready) => (panel = ready))
    .catch((error: unknown) => {
      mounted = undefined;
      tell("error", { code: "unavailable", message: String(error) });
      throw error;
    });
  return mounted;
};

const shape = (d: string): SVGElement => {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.appendChild(document.createElementNS(SVG, "path")).setAttribute("d", d);
  return svg;
};

const build = (): void => {
  host = document.createElement("frontdesk-widget");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  frame = root.appendChild(document.createElement("div"));
  frame.className = "frontdesk";
  launcher = frame.appendChild(document.createElement("button"));
  launcher.className = "launcher";
  launcher.type = "button";
  launcher.ariaLabel = "Chat";
  launcher.ariaExpanded = "false";
  launcher.append(shape("M12 4a8.5 7.5 0 00-6.6 12.2L4.5 20l4.3-1.4A8.5 7.5 0 1012 4z"), shape("M6 9l6 6 6-6"));
  launcher.onclick = () => act("toggle");
  launcher.onpointerenter = launcher.onfocus = () => void fetchPanel().catch(() => undefined);
  document.documentElement.append(host);
};

/** What can be shown before the panel is here. */
const dress = ({ key, locale, theme, position, bottom, color }: Boot): void => {
  frame.dir = direction(locale ?? (document.documentElement.lang || navigator.language));
  frame.dataset.theme = theme ?? "auto";
  frame.dataset.side = position ?? (frame.dir === "rtl" ? "left" : "right");
  frame.style.setProperty("--bottom", `${bottom ?? 20}px`);
  if (!painted(frame, key, color)) frame.style.setProperty("--accent", color ?? "");
};

const turn = (open: boolean): void => {
  try {
    if (boot) sessionStorage.setItem(openAt(boot.key), open ? "1" : "");
  } catch {
    // Without storage the panel is closed on the next page.
  }
};

const wasOpen = (key: string): boolean => {
  try {
    return innerWidth >= NARROW && sessionStorage.getItem(openAt(key)) === "1";
  } catch {
    return false;
  }
};

const commands: Record<string, (...args: never[]) => void> = {
  boot: (options: Boot) => {
    if (boot || !options?.key) return;
    boot = options;
    build();
    dress(boot);
    if (wasOpen(boot.key)) act("show", false);
    else if (readObject<Kept>(keptAt(boot.key)).talk) void start().catch(() => undefined);
  },
  update: (options: Partial<Boot>) => {
    if (!boot) return;
    boot = { ...boot, ...options };
    dress(boot);
    panel?.update(boot);
  },
  shutdown: () => {
    panel?.shutdown();
    host?.remove();
    boot = host = mounted = panel = undefined;
  },
  on: (name: EventName, callback: (detail: unknown) => void) => {
    window.addEventListener(`frontdesk:${name}`, (event) => callback((event as CustomEvent).detail));
  },
};

const act = (what: "show" | "hide" | "toggle", focus = true): void => {
  if (!boot || (what === "hide" && !panel)) return;
  launcher.ariaBusy = "true";
  void start()
    .then((ready) => (what === "hide" || (what === "toggle" && ready.open) ? ready.hide() : ready.show(focus)))
    .catch(() => undefined)
    .finally(() => {
      launcher.ariaBusy = null;
    });
};

const frontdesk: Queue = (name, ...args) => {
  if (name === "show" || name === "hide" || name === "toggle") act(name);
  else commands[name]?.(...(args as never[]));
};

const main = (): void => {
  const scope = window as unknown as { frontdesk?: Queue };
  const queued = scope.frontdesk?.q ?? [];
  scope.frontdesk = frontdesk;
  window.addEventListener("frontdesk:open", () => turn(true));
  window.addEventListener("frontdesk:close", () => turn(false));
  const { key, locale, theme, position, bottom, color } = script?.dataset ?? {};
  if (key) {
    const options = { locale, theme, position, color, bottom: bottom && Number(bottom) };
    frontdesk("boot", { key, ...Object.fromEntries(Object.entries(options).filter(([, value]) => value)) });
  }
  for (const call of queued) frontdesk(...(Array.from(call) as Call));
};

main();
