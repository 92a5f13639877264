/** Who is signed in, and the desk that belongs to them. */
import { type Signal, signal } from "@preact/signals";
import type { Me, SetPassword } from "../../shared/types";
import { ApiError } from "./api";
import { type Base, createDesk, type Desk } from "./desk";

export interface Session {
  readonly base: Base;
  /** Undefined while we ask, null when nobody is signed in. */
  readonly desk: Signal<Desk | null | undefined>;
  /** Ask the hub who we are; answers with what went wrong, if anything but "nobody". */
  start(): Promise<ApiError | null>;
  signIn(email: string, password: string): Promise<void>;
  setUp(how: SetPassword): Promise<void>;
}

export function createSession(parts: Omit<Base, "signOut" | "renew">): Session {
  const desk = signal<Desk | null | undefined>(undefined);
  const { api } = parts;

  function enter(me: Me): void {
    desk.peek()?.stop();
    api.use(me);
    desk.value = createDesk(base, me);
  }

  function leave(): void {
    desk.peek()?.stop();
    api.use(null);
    desk.value = null;
  }

  async function ask(): Promise<ApiError | null> {
    try {
      enter(await api.get<Me>("/api/session"));
      return null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status !== 401) return error;
      leave();
      return null;
    }
  }

  const base: Base = {
    ...parts,
    signOut: async () => {
      const leaving = desk.peek();
      leaving?.drafts.clear();
      leaving?.sends.clear();
      await api.send("DELETE", "/api/session").catch(() => undefined);
      leave();
    },
    renew: () => void ask(),
  };
  api.onSignedOut = () => {
    if (desk.peek()) leave();
  };

  return {
    base,
    desk,
    start: ask,
    signIn: async (email, password) => enter(await api.send<Me>("POST", "/api/session", { email, password })),
    setUp: async (how) => {
      await api.send("POST", "/api/setup", how);
      const error = await ask();
      if (error) throw error;
      base.router.leave();
    },
  };
}
