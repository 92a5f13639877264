/** The threads opened lately, so that going back to one shows it at once. */
import type { AgentSyncAck, Refused, Summary, Sync } from "../../shared/types";
import type { Api } from "./api";
import { Thread } from "./thread";

const KEPT = 20;

export class Threads {
  private readonly kept = new Map<string, Thread>();

  constructor(
    private readonly api: Api,
    private readonly sync: (query: Sync) => Promise<AgentSyncAck | Refused>,
    private readonly upsert: (row: Summary) => void,
  ) {}

  /** The thread if it was opened before. */
  peek(id: string): Thread | undefined {
    return this.kept.get(id);
  }

  open(id: string): Thread {
    const thread = this.kept.get(id) ?? new Thread(id, { api: this.api, sync: this.sync, upsert: this.upsert });
    this.kept.delete(id);
    this.kept.set(id, thread);
    for (const old of this.kept.keys()) {
      if (this.kept.size > KEPT) this.kept.delete(old);
    }
    return thread;
  }
}
