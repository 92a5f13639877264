/** The panel: fetched on first need, drawn into the frame the loader made. */
import { render, type VNode } from "preact";
import { typed } from "../shared/ime";
import { direction, fill } from "../shared/locale";
import tokens from "../shared/tokens.css?inline";
import { type Panel, type Place, tell } from "./boot";
import { paint } from "./brand";
import { Chat } from "./chat";
import { later } from "./later";
import css from "./panel.css?inline";
import { Composer } from "./view/composer";
import { Header } from "./view/header";
import { Messages } from "./view/messages";
import { Notice } from "./view/notice";
import { botName, needsExtra, type Ui } from "./view/ui";
import { fit, titled, watchPage } from "./window";
import { type Speech, speak } from "./words";

const NEAR_PX = 80;
const GONE_MS = 2_000;
const AGAIN_MS = 5_000;

const App = ({ ui, modal }: { ui: Ui; modal: boolean }): VNode => {
  const { chat, words, full } = ui;
  const { typing } = chat;
  const dropped = (event: DragEvent): void => {
    const files = event.dataTransfer?.files;
    if (!files?.length || !chat.inbox?.uploads) return;
    event.preventDefault();
    ui.attach([...files]);
  };
  return (
    <section
      class={full ? "panel full" : "panel"}
      role={full ? "region" : "dialog"}
      aria-modal={full ? undefined : modal}
      aria-label={chat.inbox?.name || words.open}
      hidden={!ui.open}
      onDragOver={(event) => event.preventDefault()}
      onDrop={dropped}
    >
      <Header ui={ui} />
      <Notice ui={ui} />
      <Messages ui={ui} />
      <Composer ui={ui} />
      <div class="sr" aria-live="polite">
        {typing && fill(words.typing, { name: typing.name || botName(ui) })}
      </div>
    </section>
  );
};

class Screen implements Panel {
  readonly #ui: Ui;
  readonly #sheet = new CSSStyleSheet();
  readonly #box = document.createElement("div");
  readonly #narrow = matchMedia("(max-width: 479px)");
  readonly #life = new AbortController();
  #drawing = false;
  #rest: Promise<Ui["extra"]> | undefined;
  /** How much there was to read at the last drawing. */
  #count = 0;
  #away: ReturnType<typeof setTimeout> | undefined;
  readonly #place: Place;
  #speech: Speech;

  constructor(place: Place, speech: Speech) {
    this.#speech = speech;
    this.#place = place;
    const { boot, hub, full = false, frame } = place;
    const draw = (): void => this.#soon();
    this.#ui = {
      chat: new Chat(hub, boot, () => this.#speech.locale, draw),
      words: speech.words,
      locale: speech.locale,
      full,
      open: full,
      menu: false,
      below: false,
      filled: false,
      score: 0,
      gone: false,
      input: null,
      log: null,
      extra: null,
      draw,
      close: () => this.hide(),
      attach: (files) => void this.#attach(files),
    };
    frame.append(this.#box);
    place.root.adoptedStyleSheets.push(this.#sheet);
    this.#listen();
    this.#dress();
    this.#draw();
    this.#ui.chat.connect();
  }

  get open(): boolean {
    return this.#ui.open;
  }

  show(focus = true): void {
    const ui = this.#ui;
    if (ui.open) return;
    this.#turn(true);
    this.#toEnd();
    if (focus) (this.#narrow.matches ? ui.log : ui.input)?.focus();
  }

  hide(): void {
    const { root, launcher } = this.#place;
    if (!this.#ui.open || this.#ui.full) return;
    const focused = root.activeElement;
    this.#turn(false);
    if (focused) launcher?.focus();
  }

  async update(): Promise<void> {
    const { chat } = this.#ui;
    if (chat.state === "refused") chat.connect();
    this.#speech = await speak(this.#place.boot.locale).catch(() => this.#speech);
    Object.assign(this.#ui, { words: this.#speech.words, locale: this.#speech.locale });
    this.#dress();
    this.#soon();
  }

  shutdown(): void {
    this.hide();
    this.#life.abort();
    clearTimeout(this.#away);
    this.#ui.chat.close();
    titled(0);
    this.#box.remove();
  }

  #listen(): void {
    const { signal } = this.#life;
    const listen = (target: EventTarget, types: string[], act: (event: Event) => void): void => {
      for (const type of types) target.addEventListener(type, act, { signal });
    };
    listen(this.#box, ["keydown", "keyup", "keypress"], (event) => this.#key(event as KeyboardEvent));
    listen(document, ["visibilitychange"], () => this.#soon());
    listen(window, ["frontdesk:ready"], () => this.#dress());
    listen(this.#narrow, ["change"], () => this.#cover());
    watchPage(() => this.#ui.chat.navigated(), signal);
    fit(this.#place.frame, (change) => (this.#near() ? [change(), this.#toEnd()] : change()), signal);
    this.#box.addEventListener("scroll", () => this.#ui.below && this.#near() && this.#soon(), {
      capture: true,
      passive: true,
    });
  }

  /** The page's own shortcuts must not fire on what is written here. */
  #key(event: KeyboardEvent): void {
    const ui = this.#ui;
    event.stopPropagation();
    if (event.type !== "keydown" || event.key !== "Escape" || !typed(event)) return;
    if (!ui.menu) return this.hide();
    ui.menu = false;
    this.#soon();
  }

  #turn(open: boolean): void {
    const ui = this.#ui;
    const place = this.#place;
    ui.open = open;
    ui.menu = false;
    place.launcher?.setAttribute("aria-expanded", String(open));
    place.frame.toggleAttribute("data-open", open);
    this.#cover();
    this.#dress();
    this.#draw();
    tell(open ? "open" : "close");
  }

  /** On a phone the panel is the page: what is behind it can be neither reached nor scrolled. */
  #cover(): void {
    if (this.#ui.full) return;
    document.body.inert = this.#modal();
    document.documentElement.style.overflow = this.#modal() ? "hidden" : "";
    this.#soon();
  }

  #modal(): boolean {
    return this.#ui.open && !this.#ui.full && this.#narrow.matches;
  }

  #dress(): void {
    const [place, speech, ui] = [this.#place, this.#speech, this.#ui];
    const { frame, boot } = place;
    this.#sheet.replaceSync(tokens + css + speech.css);
    frame.lang = speech.language;
    frame.dir = direction(speech.language);
    paint(frame, boot.key, boot.color ?? ui.chat.inbox?.color).catch(() => undefined);
    place.launcher?.setAttribute("aria-label", ui.open ? speech.words.close : speech.words.open);
  }

  #soon(): void {
    if (this.#drawing) return;
    this.#drawing = true;
    queueMicrotask(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  /** Draw, and keep the end in sight for who was there or has just written. */
  #draw(): void {
    const ui = this.#ui;
    const { log, outbox } = ui.chat;
    const near = this.#near();
    const count = log.last + outbox.entries.length;
    const own = outbox.entries.length > 0;
    const more = count > this.#count;
    this.#count = count;
    if (more && !near && !own) ui.below = true;
    if (!ui.extra && needsExtra(ui)) void this.#extra();
    this.#mind();
    render(<App ui={ui} modal={this.#modal()} />, this.#box);
    if (near || (more && own)) this.#toEnd();
    this.#look();
  }

  /** What is on screen in a visible page counts as seen; the rest is counted on launcher and title. */
  #look(): void {
    const ui = this.#ui;
    const place = this.#place;
    if (ui.open && !document.hidden && this.#near()) {
      ui.below = false;
      ui.chat.look();
    }
    const { unread } = ui.chat;
    titled(unread);
    if (unread) place.launcher?.setAttribute("data-unread", unread > 9 ? "9+" : String(unread));
    else place.launcher?.removeAttribute("data-unread");
  }

  /** Mention a lost connection only when it lasts. */
  #mind(): void {
    const { chat } = this.#ui;
    if (chat.state === "online" || chat.state === "refused") {
      clearTimeout(this.#away);
      this.#away = undefined;
      this.#ui.gone = false;
    } else {
      this.#away ??= setTimeout(() => {
        this.#ui.gone = true;
        this.#soon();
      }, GONE_MS);
    }
  }

  /** Fetch the rest; what cannot be had now is asked for again in a while. */
  #extra(): Promise<Ui["extra"]> {
    this.#rest ??= later<typeof import("./extra/extra")>("extra.js")
      .then(({ load }) => {
        this.#ui.extra = load(this.#ui, this.#place.root);
        this.#soon();
        return this.#ui.extra;
      })
      .catch(() => {
        setTimeout(() => {
          this.#rest = undefined;
          this.#soon();
        }, AGAIN_MS);
        return null;
      });
    return this.#rest;
  }

  async #attach(files: Iterable<File>): Promise<void> {
    const extra = await this.#extra();
    if (extra) extra.uploads.add(files);
    else setTimeout(() => void this.#attach(files), AGAIN_MS);
  }

  #near(): boolean {
    const { log } = this.#ui;
    return !log || log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
  }

  #toEnd(): void {
    this.#ui.log?.scrollTo(0, this.#ui.log.scrollHeight);
  }
}

/** Draw and connect. Rejects if the language cannot be fetched. */
export const mount = async (place: Place): Promise<Panel> => {
  const speech = await speak(place.boot.locale);
  return new Screen(place, speech);
};
