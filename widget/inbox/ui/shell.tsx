/** The four panes, what lies over them, and the keys. */
import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import { createKeys } from "../core/keys";
import { useDesk } from "./context";
import { Problem } from "./controls";
import { Icon } from "./icons";
import { lazy } from "./lazy";
import { List } from "./list";
import { ThreadPane } from "./thread";
import { Tooltip } from "./tooltip";
import { Views } from "./views";

const PREPARE_MS = 1500;
const Record = lazy(() => import("./record").then((part) => part.Record));
const Palette = lazy(() => import("./palette").then((part) => part.Palette));
const Help = lazy(() => import("./help").then((part) => part.Help));
const SettingsDialog = lazy(() => import("./settings").then((part) => part.SettingsDialog));

function useKeys(): void {
  const desk = useDesk();
  useEffect(() => {
    const reader = createKeys(
      desk.commands.filter((command) => command.keys.length > 0),
      () => desk.settings.now.peek().singleKeys,
      () => performance.now(),
    );
    const listen = (event: KeyboardEvent): void => {
      const box = document.querySelector("dialog");
      const coming = desk.screen.dialog.peek() !== null && !box;
      if (coming && event.key === "Escape") desk.screen.dialog.value = null;
      const covered = coming || box?.open || desk.screen.menu.peek() !== null;
      if (event.defaultPrevented || (covered && !(event.ctrlKey || event.metaKey))) return;
      const ids = reader.read(event);
      const command = ids.map((id) => desk.commands.find((one) => one.id === id)).find((one) => one?.can());
      if (!command) return;
      event.preventDefault();
      command.run();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [desk]);
}

/** The dialogs open without a pause once the first screen stands. */
function usePreparedDialogs(): void {
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const part of [Palette, Help, SettingsDialog]) part.prepare().catch(() => undefined);
    }, PREPARE_MS);
    return () => clearTimeout(timer);
  }, []);
}

/** Leaving the page while something is unsent asks first. */
function useLeaveGuard(): void {
  const desk = useDesk();
  useEffect(() => {
    const guard = (event: BeforeUnloadEvent): void => {
      if (desk.sends.waiting()) event.preventDefault();
    };
    window.addEventListener("beforeunload", guard);
    return () => window.removeEventListener("beforeunload", guard);
  }, [desk]);
}

function Banner(): VNode | null {
  const { live, words } = useDesk();
  const down = live.state.value === "offline" || (live.state.value === "connecting" && live.met.value);
  return (
    <div class="banner-place" role="status">
      {down && (
        <p class="banner">
          <Icon name="alert" />
          {words.t("offline_banner")}
        </p>
      )}
    </div>
  );
}

function Toasts(): VNode {
  const { screen, words } = useDesk();
  return (
    <div class="toasts" role="status">
      {screen.toasts.value.map((toast) => (
        <div class={`toast ${toast.tone}`} key={toast.id}>
          {toast.tone === "danger" && <Icon name="alert" />}
          <p dir="auto">{toast.text}</p>
          {toast.action && (
            <button
              type="button"
              class="button toast-action"
              onClick={() => {
                toast.action?.run();
                screen.dismiss(toast.id);
              }}
            >
              {toast.action.label}
            </button>
          )}
          <button type="button" class="button square toast-close" aria-label={words.t("dismiss")} onClick={() => screen.dismiss(toast.id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}

export function Shell(): VNode {
  const desk = useDesk();
  const { screen, open, people } = desk;
  useKeys();
  useLeaveGuard();
  usePreparedDialogs();
  const id = open.value;
  const classes = ["desk", id && "has-thread", screen.record.value && "with-record", screen.drawer.value && "with-drawer"];
  return (
    <div class={classes.filter(Boolean).join(" ")}>
      <Banner />
      <Views />
      <List />
      <main class="pane thread-pane" aria-label={desk.words.t("conversation")}>
        {people.error.value && <Problem error={people.error.value} retry={() => void people.load()} />}
        <ThreadPane id={id} key={id ?? "none"} />
      </main>
      {id && <Record id={id} key={`record-${id}`} />}
      <Toasts />
      {screen.dialog.value === "palette" && <Palette />}
      {screen.dialog.value === "help" && <Help />}
      {screen.dialog.value === "settings" && <SettingsDialog />}
      <Tooltip />
    </div>
  );
}
