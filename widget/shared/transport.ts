/**
 * Socket.IO v5 over one websocket (Engine.IO v4), as far as Frontdesk needs it: one namespace, JSON, acks.
 * Redials by itself; what must not be lost is kept by the caller until it is acked.
 */
import type { ErrorBody, PROTOCOL, Refused } from "./types";

export const protocol: PROTOCOL = 1;

/** For every event: what is sent and what the ack holds. */
export type Requests = Record<string, [sent: object, ack: object]>;

export type State = "closed" | "connecting" | "online" | "offline" | "refused";

export interface Options {
  /** Origin of the hub, `https://desk.example`. */
  hub: string;
  namespace: string;
  /** Asked before every CONNECT. */
  auth: () => object | Promise<object>;
  onEvent: (name: string, data: unknown) => void;
  /** `refused` is final: the hub will not take us as we are; `error` says why. */
  onState: (state: State, error?: ErrorBody) => void;
}

const ACK_MS = 10_000;
const CONNECT_MS = 10_000;
const BACKOFF_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;
const FINAL = ["origin_not_allowed", "reload_required", "unauthorized", "forbidden", "bad_request", "not_found"];

const lost = (): Refused => ({ ok: false, error: { code: "unavailable", message: "no connection" } });

export class Socket<R extends Requests> {
  state: State = "closed";
  #ws: WebSocket | undefined;
  readonly #waiting = new Map<number, (ack: object) => void>();
  #ids = 0;
  #attempts = 0;
  #patience = CONNECT_MS;
  #heard = 0;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #redial: ReturnType<typeof setTimeout> | undefined;

  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  open(): void {
    if (this.state !== "closed" && this.state !== "refused") return;
    this.#listen(true);
    this.#dial();
  }

  close(): void {
    this.#listen(false);
    this.#drop("closed");
  }

  /** Send and wait for the ack. Never rejects: no connection and no ack in time are `unavailable`. */
  request<K extends keyof R & string>(name: K, data: R[K][0]): Promise<R[K][1] | Refused> {
    if (this.state !== "online") return Promise.resolve(lost());
    const id = this.#ids++;
    return new Promise((resolve) => {
      const settle = (ack: object): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(ack);
      };
      const timer = setTimeout(settle, ACK_MS, lost());
      this.#waiting.set(id, settle);
      this.#packet(`2`, `${id}${JSON.stringify([name, data])}`);
    });
  }

  #listen(on: boolean): void {
    const change = on ? "addEventListener" : "removeEventListener";
    for (const name of ["online", "offline"]) window[change](name, this.#wake);
    document[change]("visibilitychange", this.#wake);
  }

  /** The network or the reader came or went: an open socket may be dead without knowing it. */
  readonly #wake = (event: Event): void => {
    if (event.type === "offline") return this.#retry();
    if (document.hidden || this.state === "refused") return;
    if (this.#ws && Date.now() - this.#heard < this.#patience) return;
    this.#drop("offline");
    this.#attempts = 0;
    this.#dial();
  };

  #dial(): void {
    clearTimeout(this.#redial);
    this.#change("connecting");
    try {
      this.#ws = new WebSocket(`${this.#options.hub.replace(/^http/, "ws")}/socket.io/?EIO=4&transport=websocket`);
    } catch {
      return this.#retry();
    }
    const ws = this.#ws;
    this.#patience = CONNECT_MS;
    this.#alive();
    ws.onmessage = ({ data }) => {
      if (this.#ws === ws) this.#read(String(data));
    };
    ws.onclose = () => {
      if (this.#ws === ws) this.#retry();
    };
  }

  #read(data: string): void {
    this.#alive();
    if (data === "2") this.#ws?.send("3");
    else if (data[0] === "0") void this.#connect(JSON.parse(data.slice(1)));
    else if (data[0] === "1") this.#retry();
    else if (data[0] === "4") this.#message(data.slice(1));
  }

  async #connect(open: { pingInterval: number; pingTimeout: number }): Promise<void> {
    const ws = this.#ws;
    const auth = await this.#options.auth();
    if (this.#ws !== ws) return;
    this.#patience = open.pingInterval + open.pingTimeout;
    this.#packet("0", JSON.stringify(auth));
  }

  #message(packet: string): void {
    const [, type, , id, body] = /^(\d)(\/[^,]*,)?(\d*)(.*)$/s.exec(packet) ?? [];
    if (type === "1") return this.#retry();
    const data = body ? JSON.parse(body) : undefined;
    if (type === "0") {
      this.#attempts = 0;
      this.#change("online");
    } else if (type === "2" && Array.isArray(data)) this.#options.onEvent(data[0], data[1]);
    else if (type === "3" && Array.isArray(data)) this.#waiting.get(Number(id))?.(data[0]);
    else if (type === "4") this.#refuse(data?.data);
  }

  /** A refusal comes as `{message: code, data: ErrorBody}`; anything unknown is worth another try. */
  #refuse(error: ErrorBody | undefined): void {
    if (error && FINAL.includes(error.code ?? "")) this.#drop("refused", error);
    else this.#retry((error?.retry_after ?? 0) * 1_000);
  }

  #packet(type: string, body: string): void {
    this.#ws?.send(`4${type}${this.#options.namespace},${body}`);
  }

  #alive(): void {
    this.#heard = Date.now();
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#retry(), this.#patience);
  }

  #retry(least = 0): void {
    this.#drop("offline");
    const delay = Math.min(BACKOFF_MS * 2 ** this.#attempts++, BACKOFF_MAX_MS) * (0.5 + Math.random());
    this.#redial = setTimeout(() => this.#dial(), Math.max(delay, least));
  }

  /** Let go of the socket at once: a close handshake can hang on a dead line. */
  #drop(state: State, error?: ErrorBody): void {
    clearTimeout(this.#watchdog);
    clearTimeout(this.#redial);
    const ws = this.#ws;
    this.#ws = undefined;
    ws?.close();
    for (const settle of this.#waiting.values()) settle(lost());
    this.#change(state, error);
  }

  #change(state: State, error?: ErrorBody): void {
    if (state === this.state) return;
    this.state = state;
    this.#options.onState(state, error);
  }
}
