/** The views pane: where to look, how many wait there, and who I am today. */
import type { VNode } from "preact";
import type { Availability, View } from "../../shared/types";
import { address } from "../core/route";
import { VIEWS } from "../core/views";
import { useDesk } from "./context";
import { Do, Face, keyWords } from "./controls";
import { Icon, type IconName } from "./icons";
import { Menu } from "./menu";

const ICONS: Record<View, IconName> = { mine: "person", queue: "queue", bot: "bot", all: "open", resolved: "check" };

function ViewLink({ view }: { view: View }): VNode {
  const desk = useDesk();
  const { lists, words, screen } = desk;
  const count = view === "resolved" ? 0 : lists.counts.value[view];
  const keys = desk.commands.find((command) => command.id === `view-${view}`)?.keys[0] ?? "";
  const here = desk.lists.view.value === view;
  return (
    <li>
      <a
        href={address(view, desk.open.value)}
        class="view"
        aria-current={here ? "page" : undefined}
        data-tip={words.t(`go_${view}`)}
        data-keys={desk.settings.now.value.singleKeys ? keyWords(keys) : undefined}
        onClick={() => {
          screen.drawer.value = false;
        }}
      >
        <Icon name={ICONS[view]} />
        <span class="view-name">{words.t(`view_${view}`)}</span>
        {count > 0 && (
          <span class={`count${view === "queue" ? " hot" : ""}`}>
            {new Intl.NumberFormat(words.locale.value).format(count)}
          </span>
        )}
      </a>
    </li>
  );
}

const AVAILABLE: readonly Availability[] = ["online", "away", "offline"];

function Presence(): VNode {
  const { me, people, words, screen, live } = useDesk();
  const mine = people.agents.value.find((agent) => agent.id === me.id)?.availability ?? "online";
  const open = screen.menu.value === "presence";
  const toggle = (): void => {
    screen.menu.value = open ? null : "presence";
  };
  return (
    <div class="anchor">
      <button type="button" class="me" aria-haspopup="menu" aria-expanded={open} onClick={toggle}>
        <Face name={me.name} />
        <span class="me-words">
          <span class="me-name" dir="auto">
            {me.name}
          </span>
          <span class={`presence ${mine}`}>{words.t(mine)}</span>
        </span>
        <Icon name="down" />
      </button>
      {open && (
        <Menu
          label={words.t("your_presence")}
          items={AVAILABLE.map((availability) => ({
            id: availability,
            label: words.t(availability),
            checked: availability === mine,
            run: () => {
              people.onPresence({ agent: me.id, availability });
              void live.request("presence", { availability });
            },
          }))}
          up
        />
      )}
    </div>
  );
}

export function Views(): VNode {
  const { words, screen, me } = useDesk();
  return (
    <nav class="pane views-pane" aria-label={words.t("views")}>
      <p class="mark">
        <Icon name="inbox" /> Frontdesk
        <button
          type="button"
          class="button quiet square drawer-close"
          aria-label={words.t("close")}
          onClick={() => {
            screen.drawer.value = false;
          }}
        >
          <Icon name="close" />
        </button>
      </p>
      <ul class="views">
        {VIEWS.map((view) => (
          <ViewLink view={view} key={view} />
        ))}
      </ul>
      <div class="views-foot">
        {me.dev && me.role === "admin" && (
          <a class="view" href="#simulator">
            <Icon name="phone" />
            <span class="view-name">{words.t("simulator")}</span>
          </a>
        )}
        <div class="foot-buttons">
          <Do id="palette" icon="search" />
          <Do id="help" icon="help" />
          <Do id="settings" icon="gear" />
        </div>
        <Presence />
      </div>
    </nav>
  );
}
