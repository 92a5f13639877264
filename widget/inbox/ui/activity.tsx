/** What happened to a conversation, as one quiet line with its reason. */
import type { VNode } from "preact";
import { clock } from "../../shared/time";
import type { Activity, AgentMessage } from "../../shared/types";
import { percent } from "../core/format";
import { reasonWords } from "../core/names";
import type { Words } from "../core/words";
import { useDesk } from "./context";

/** The sentence for an activity, with its reason and what the bot made of it. */
export function activityWords(activity: Activity, words: Words): string {
  const by = activity.by?.name ?? words.t("system");
  const to = activity.to?.name ?? words.t("view_queue");
  const key = activity.what === "rated" ? "did_rated" : (`did_${activity.what}` as const);
  const sentence = words.t(key, { by, to, score: String(activity.data["score"] ?? "") });
  const intent = activity.brief?.intents.at(-1);
  const sure = activity.brief?.confidence;
  const read = intent && [words.t("intent"), intent, typeof sure === "number" ? percent(sure, words.locale.value) : ""].join(" ").trim();
  return [activity.reason ? words.t("with_reason", { sentence, reason: reasonWords(activity.reason, words) }) : sentence, read].filter(Boolean).join(" · ");
}

export function ActivityLine({ message }: { message: AgentMessage }): VNode {
  const { words } = useDesk();
  const text = message.activity ? activityWords(message.activity, words) : message.text;
  return (
    <p class="activity">
      <span dir="auto">{text}</span> <time dateTime={message.created_at}>{clock(message.created_at, words.locale.value)}</time>
    </p>
  );
}
