/** What to call people and reasons the hub gives as data. */
import type { Summary } from "../../shared/types";
import type { Key, Words } from "./words";

const ID_END = 4;

/** A customer's name, else their address, else "Visitor" with the end of their id. */
export function contactName(row: Pick<Summary, "name" | "address" | "contact"> | null, words: Words): string {
  if (!row) return words.t("customer");
  return row.name || row.address || words.t("visitor", { id: row.contact.slice(-ID_END) });
}

const REASONS: Record<string, Key> = {
  "asked for a person": "why_asked",
  agent_gone: "why_agent_gone",
  balanced: "why_balanced",
  bot_failed: "why_bot_failed",
  customer_ended: "why_customer_ended",
  customer_wrote: "why_customer_wrote",
  no_bot: "why_no_bot",
  not_understood: "why_not_understood",
  same_address: "why_same_address",
  snooze_ended: "why_snooze_ended",
};

/** A reason in words; what a bot's author wrote stays as it is. */
export function reasonWords(reason: string, words: Words): string {
  const key = Object.hasOwn(REASONS, reason) ? REASONS[reason] : undefined;
  return key ? words.t(key) : reason;
}
