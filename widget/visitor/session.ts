/** Who this browser is to the hub: one token per site key, shared by its tabs. */
import { readObject, write } from "../shared/storage";
import { protocol } from "../shared/transport";
import type { Page, VisitorAuth } from "../shared/types";
import { type Boot, type Kept, keptAt } from "./boot";

const LOCK_MS = 5_000;

/** The page without query and fragment: what is in them is the site's own business. */
export const page = (): Page => ({
  url: location.origin + location.pathname,
  title: document.title.slice(0, 300),
  referrer: (document.referrer.split(/[?#]/)[0] ?? "").slice(0, 2_000),
});

export class Session {
  #release = (): void => {};

  readonly #locale: () => string;
  readonly #boot: Boot;
  /** The token the hub was last shown. */
  #shown: string | null = null;

  constructor(boot: Boot, locale: () => string) {
    this.#boot = boot;
    this.#locale = locale;
  }

  kept(): Partial<Kept> {
    return readObject<Kept>(keptAt(this.#boot.key));
  }

  keep(news: Partial<Kept>): void {
    write(keptAt(this.#boot.key), JSON.stringify({ ...this.kept(), ...news }));
  }

  /** The hub does not take our token. False: it was none of ours; another tab's newer one stays. */
  disown(): boolean {
    if (this.#token() === this.#shown) write(keptAt(this.#boot.key), null);
    return this.#shown !== null;
  }

  /** Who uploads. */
  sender(): { key: string; token: string } {
    return { key: this.#boot.key, token: this.#token() ?? "" };
  }

  /** The token in this browser, unless another tab has since signed in another customer. */
  #token(): string | null {
    const { token, user } = this.kept();
    const mine = this.#boot.user?.id;
    return token && !(mine && user && user !== mine) ? token : null;
  }

  /** What to CONNECT with. Without a token one tab asks for it while the others wait to share it. */
  async auth(): Promise<VisitorAuth> {
    this.done();
    if (!this.#token()) await this.#lock();
    const token = this.#token();
    this.#shown = token;
    if (token) this.done();
    const { key, user } = this.#boot;
    return {
      v: protocol,
      key,
      token,
      identity: user?.jwt ?? null,
      locale: this.#locale(),
      page: page(),
    };
  }

  /** The hub gave us a token. */
  signedIn(token: string): void {
    this.keep({ token, ...(this.#boot.user && { user: this.#boot.user.id }) });
    this.done();
  }

  /** This attempt is over: let the next tab try. */
  done(): void {
    this.#release();
  }

  #lock(): Promise<void> {
    return new Promise((granted) => {
      const held = (): Promise<void> => {
        granted();
        return new Promise((release) => {
          this.#release = release;
        });
      };
      const signal = AbortSignal.timeout(LOCK_MS);
      if (!navigator.locks) granted();
      else navigator.locks.request(keptAt(this.#boot.key), { signal }, held).catch(() => granted());
    });
  }
}
