/** Named timers: setting one again starts it anew. */
export class Timers {
  readonly #running: Record<string, ReturnType<typeof setTimeout>> = {};

  /** Call `act` once in `ms`; null only stops it. */
  set(name: string, ms: number | null, act: () => void): void {
    clearTimeout(this.#running[name]);
    if (ms !== null) this.#running[name] = setTimeout(act, ms);
  }

  clear(): void {
    for (const timer of Object.values(this.#running)) clearTimeout(timer);
  }
}
