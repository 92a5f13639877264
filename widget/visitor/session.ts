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
  #boot: Boot;

  constructor(boot: Boot, locale: () => string) {
    this.#boot = boot;
    this.#locale = locale;
    this.update(boot);
  }

  kept(): Partial<Kept> {
    return readObject<Kept>(keptAt(this.#boot.key));
  }

  keep(news: Partial<Kept>): void {
    write(keptAt(this.#boot.key), JSON.stringify({ ...this.kept(), ...news }));
  }

  forget(): void {
    write(keptAt(this.#boot.key), null);
  }

  /** Another customer at this browser does not inherit the last one's conversation. */
  update(boot: Boot): void {
    this.#boot = boot;
    const { user } = this.kept();
    if (boot.user && user && boot.user.id !== user) this.forget();
  }

  /** Who uploads. */
  sender(): { key: string; token: string } {
    return { key: this.#boot.key, token: this.kept().token ?? "" };
  }

  /** What to CONNECT with. Without a token one tab asks for it while the others wait to share it. */
  async auth(): Promise<VisitorAuth> {
    this.done();
    if (!this.kept().token) await this.#lock();
    const { token } = this.kept();
    if (token) this.done();
    const { key, user } = this.#boot;
    return {
      v: protocol,
      key,
      token: token ?? null,
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
