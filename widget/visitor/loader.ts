/**
 * `/widget.js`: the launcher and the `frontdesk()` queue. All else is fetched when the visitor reaches for it, or when
 * this browser has a conversation.
 */
import { direction } from "../shared/locale";
import { keys, readObject, write } from "../shared/storage";
import { type Boot, type EventName, type Kept, keptAt, type Panel, type Place, tell } from "./boot";
import css from "./loader.css?inline";
import { painted } from "./paint";

/** Path of the panel this loader belongs to; set by the build. */
declare const __PANEL__: string;

type Call = [name: string, ...args: unknown[]];
type Queue = ((...call: Call) => void) & { q?: Iterable<unknown>[] };
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

/** A browser remembers that a module failed, so another try needs another address. */
const fetchPanel = (): Promise<PanelModule> => {
  module ??= import(/* @vite-ignore */ hub() + __PANEL__ + (tries++ ? `?${tries}` : "")).catch((error: unknown) => {
    module = undefined;
    throw error;
  });
  return module as Promise<PanelModule>;
};

/** Mount the panel. After a sign-out meanwhile (another `host` stands there, or none) it waits for ever. */
const load = async (mine: HTMLElement | undefined): Promise<Panel> => {
  const { mount } = await fetchPanel();
  if (mine && mine === host) {
    const root = mine.shadowRoot as ShadowRoot;
    const made = await mount({ root, frame, hub: hub(), boot: boot as Boot, launcher });
    if (mine === host) return (panel = made);
    made.shutdown();
  }
  return new Promise(() => {});
};

const start = (): Promise<Panel> => {
  mounted ??= load(host).catch((error: unknown) => {
    mounted = undefined;
    tell("error", { code: "unavailable", message: String(error) });
    throw error;
  });
  return mounted;
};

const shape = (d: string): SVGElement => {
  const svg = document.createElementNS(SVG, "svg");
  svg.ariaHidden = "true";
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
  launcher.ariaLabel = "Chat";
  launcher.ariaExpanded = "false";
  launcher.append(shape("M12 4a8.5 7.5 0 00-6.6 12.2L4.5 20l4.3-1.4A8.5 7.5 0 1012 4z"), shape("M6 9l6 6 6-6"));
  launcher.onclick = commands.toggle;
  launcher.onpointerenter = launcher.onfocus = () => void fetchPanel().catch(() => undefined);
  document.documentElement.append(host);
};

/** What can be shown before the panel is here. */
const dress = ({ key, locale, theme, position, bottom, color }: Boot): void => {
  frame.dir = direction(locale ?? (document.documentElement.lang || navigator.language));
  frame.style.colorScheme = (theme ?? "auto").replace("auto", "");
  frame.dataset.side = position ?? (frame.dir === "rtl" ? "left" : "right");
  frame.style.setProperty("--bottom", `${bottom ?? 20}px`);
  if (!painted(frame, key, color)) frame.style.setProperty("--accent", color ?? "");
};

/** Whether this tab's panel was left open; `now` is noted first. Without storage it is closed on the next page. */
const opened = (key: string, now?: boolean): boolean => {
  try {
    if (now !== undefined) sessionStorage.setItem(keptAt(key), String(now));
    return sessionStorage.getItem(keptAt(key)) === "true";
  } catch {
    return false;
  }
};

/** Whoever uses this browser next finds nothing of the last one. */
const forget = (key: string): void => {
  for (const name of keys(keptAt(key))) write(name, null);
};

const leave = (): void => {
  panel?.shutdown();
  host?.remove();
  boot = host = mounted = panel = undefined;
};

const commands = {
  boot: (options: Boot) => {
    if (boot || !options?.key) return;
    const { key, user } = options;
    const kept = (): Partial<Kept> => readObject(keptAt(key));
    if ("user" in options && (kept().user ?? user?.id) !== user?.id) forget(key);
    boot = { ...options };
    build();
    dress(boot);
    if (innerWidth >= NARROW && opened(key)) void act("show", false);
    else if (kept().talk) void start().catch(() => undefined);
  },
  update: (options: Partial<Boot>) => {
    if (!boot) return;
    const former = boot.user?.id;
    Object.assign(boot, options);
    if (boot.user?.id === former) {
      dress(boot);
      panel?.update();
      return;
    }
    // Another customer: begin anew.
    const [next, open] = [boot, panel?.open];
    leave();
    commands.boot(next);
    if (open) void act("show", false);
  },
  shutdown: () => {
    if (boot) forget(boot.key);
    leave();
  },
  on: (name: EventName, callback: (detail: unknown) => void) => {
    window.addEventListener(`frontdesk:${name}`, (event) => callback((event as CustomEvent).detail));
  },
  show: () => act("show"),
  hide: () => act("hide"),
  toggle: () => act("toggle"),
};

const act = async (what: "show" | "hide" | "toggle", focus = true): Promise<void> => {
  if (!boot || (what === "hide" && !panel)) return;
  launcher.ariaBusy = "true";
  try {
    const ready = await start();
    if (what === "show" || (what === "toggle" && !ready.open)) ready.show(focus);
    else ready.hide();
  } catch {
    // The host page was told; the next press tries again.
  }
  launcher.ariaBusy = null;
};

const frontdesk: Queue = (name, ...args) => {
  (commands as Record<string, (...args: never[]) => void>)[name]?.(...(args as never[]));
};

const main = (): void => {
  const scope = window as unknown as { frontdesk?: Queue };
  const queued = scope.frontdesk?.q ?? [];
  scope.frontdesk = frontdesk;
  for (const name of ["open", "close"] as const) commands.on(name, () => boot && opened(boot.key, name === "open"));
  if (script?.dataset.key) commands.boot(script.dataset as unknown as Boot);
  for (const call of queued) frontdesk(...(call as Call));
};

main();
