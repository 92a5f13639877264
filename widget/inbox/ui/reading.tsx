/** How the bot read a customer's message, and the page they wrote from. */
import type { VNode } from "preact";
import { safeUrl } from "../../shared/text";
import type { AgentMessage, Trace } from "../../shared/types";
import { percent } from "../core/format";
import { plain } from "./brief";
import { useDesk } from "./context";

const RANKED = 3;

/** A page's path is enough to recognise it; the whole address is the link. */
export function PageLink({ page }: { page: NonNullable<AgentMessage["page"]> }): VNode | null {
  const given = page["url"];
  const url = typeof given === "string" ? given : "";
  const title = typeof page["title"] === "string" ? page["title"] : "";
  const href = safeUrl(url);
  if (!url) return null;
  if (!href || !/^https?:/.test(href)) return <bdi class="page-link">{title || url}</bdi>;
  return (
    <a class="page-link" href={href} target="_blank" rel="noopener noreferrer nofollow" title={url} dir="auto">
      {title || url}
    </a>
  );
}

function Ranking({ trace }: { trace: Trace }): VNode {
  const { words } = useDesk();
  const rows = trace.ranking.length ? trace.ranking.slice(0, RANKED) : [{ name: trace.intent, confidence: trace.confidence }];
  return (
    <ul class="ranking" aria-label={words.t("intent")}>
      {rows.map((row) => (
        <li key={row.name} class={row.name === trace.intent ? "best" : ""}>
          <span class="ranking-name">{row.name}</span>
          <meter min={0} max={1} value={row.confidence} aria-hidden="true" />
          <span class="ranking-share">{percent(row.confidence, words.locale.value)}</span>
        </li>
      ))}
    </ul>
  );
}

export function Reading({ trace, page }: { trace: AgentMessage["trace"]; page: AgentMessage["page"] }): VNode {
  const { words } = useDesk();
  return (
    <div class="reading">
      {trace && <Ranking trace={trace} />}
      {trace?.fallback && <p class="reading-line warn">{words.t("not_understood")}</p>}
      {trace && trace.entities.length > 0 && (
        <p class="reading-line">
          {trace.entities.map((entity, index) => (
            <span class="slot" key={index}>
              <span class="slot-name">{entity.entity}</span> <bdi>{plain(entity.value)}</bdi>
            </span>
          ))}
        </p>
      )}
      {page && (
        <p class="reading-line">
          {words.t("on_page")} <PageLink page={page} />
        </p>
      )}
      {trace && <p class="reading-line faint">{words.t("model", { model: trace.model })}</p>}
    </div>
  );
}
