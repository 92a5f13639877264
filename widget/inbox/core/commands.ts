/** Every action with its words and keys. Buttons, tooltips, the palette, the help and the key reader all read this. */
import type { Summary, View } from "../../shared/types";
import type { Desk } from "./desk";
import { VIEWS } from "./views";
import type { Key } from "./words";

export type Group = "chat" | "write" | "move" | "app";

export interface Command {
  id: string;
  label: Key;
  group: Group;
  keys: readonly string[];
  /** False: it makes no sense right now, so the palette hides it and the key does nothing. */
  can: () => boolean;
  run: () => void;
}

const VIEW_KEYS: Record<View, string> = { mine: "g m", queue: "g q", bot: "g b", all: "g a", resolved: "g r" };

/** The open conversation, if its summary is known. */
export function current(desk: Desk): Summary | null {
  const id = desk.open.value;
  return id ? (desk.lists.row(id)?.value ?? null) : null;
}

export function createCommands(desk: Desk): Command[] {
  return [...chat(desk), ...write(desk), ...move(desk), ...app(desk)];
}

function chat(desk: Desk): Command[] {
  const { actions, screen } = desk;
  const make = (id: string, label: Key, keys: string[], can: (row: Summary) => boolean, run: (id: string) => void): Command => ({
    id,
    label,
    keys,
    group: "chat",
    can: () => {
      const row = current(desk);
      return row !== null && can(row);
    },
    run: () => {
      const row = current(desk);
      if (row && can(row)) run(row.id);
    },
  });
  const mine = (row: Summary): boolean => row.status === "open" && row.assignee?.id === desk.me.id;
  const active = (row: Summary): boolean => row.status !== "resolved";
  return [
    make("claim", "take_over", ["i"], (row) => active(row) && !mine(row), (id) => void actions.claim(id)),
    make("handback", "hand_back", ["b"], (row) => row.status === "open", (id) => void actions.handBack(id)),
    make("resolve", "resolve", ["e"], active, (id) => void actions.resolve(id)),
    make("reopen", "reopen", ["e"], (row) => !active(row), (id) => void actions.reopen(id)),
    make("snooze", "snooze", ["s"], (row) => row.status === "open", () => {
      screen.menu.value = "snooze";
    }),
    make("assign", "assign", ["a"], active, () => {
      screen.menu.value = "assign";
    }),
    make("release", "release", ["u"], (row) => row.status === "open" && row.assignee !== null, (id) => {
      void actions.assign(id, null);
    }),
  ];
}

function write(desk: Desk): Command[] {
  const make = (id: "reply" | "note", tab: "text" | "note", key: string): Command => ({
    id,
    label: id,
    keys: [key],
    group: "write",
    can: () => desk.open.value !== null,
    run: () => {
      desk.screen.compose.value = { conversation: desk.open.peek(), tab, at: Date.now() };
    },
  });
  return [make("reply", "text", "r"), make("note", "note", "n")];
}

function move(desk: Desk): Command[] {
  const { lists, screen } = desk;
  const step = (by: number) => () => {
    screen.cursor.value = lists.neighbour(screen.cursor.peek(), by);
    screen.stepped.value++;
  };
  const always = (): boolean => true;
  const make = (id: string, label: Key, keys: string[], run: () => void, can = always): Command => ({
    id,
    label,
    keys,
    group: "move",
    can,
    run,
  });
  return [
    make("next", "next", ["j"], step(1)),
    make("previous", "previous", ["k"], step(-1)),
    make("open", "open_chat", ["o"], () => desk.select(screen.cursor.peek()), () => screen.cursor.value !== null),
    make("search", "search", ["/"], () => {
      screen.searching.value++;
    }),
    make("record", "show_record", ["p"], () => {
      screen.record.value = !screen.record.peek();
    }, () => desk.open.value !== null),
    ...VIEWS.map((view) => make(`view-${view}`, `go_${view}`, [VIEW_KEYS[view]], () => desk.router.go(view, desk.open.peek()))),
  ];
}

function app(desk: Desk): Command[] {
  const { screen, settings } = desk;
  const make = (id: string, label: Key, keys: string[], run: () => void): Command => ({
    id,
    label,
    keys,
    group: "app",
    can: () => true,
    run,
  });
  const available = (availability: "online" | "away" | "offline") => () => {
    void desk.live.request("presence", { availability });
  };
  const theme = (name: "auto" | "light" | "dark") => () => settings.change({ theme: name });
  return [
    make("palette", "palette", ["Mod+k"], () => {
      screen.dialog.value = screen.dialog.peek() === "palette" ? null : "palette";
    }),
    make("help", "help", ["?"], () => {
      screen.dialog.value = "help";
    }),
    make("settings", "settings", [], () => {
      screen.dialog.value = "settings";
    }),
    make("online", "go_online", [], available("online")),
    make("away", "go_away", [], available("away")),
    make("offline", "go_offline", [], available("offline")),
    make("light", "theme_light", [], theme("light")),
    make("dark", "theme_dark", [], theme("dark")),
    make("system", "theme_auto", [], theme("auto")),
    make("signout", "sign_out", [], () => void desk.signOut()),
  ];
}
