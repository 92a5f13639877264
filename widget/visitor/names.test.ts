/** Properties that the build shortens are known to nobody but the widget's own bundle. */
import { expect, test } from "vitest";
import ours from "../scripts/ours.txt?raw";
import outbox from "../shared/outbox.ts?raw";
import wire from "../shared/types.ts?raw";
import boot from "./boot.ts?raw";
import paint from "./paint.ts?raw";

const names = ours.match(/\w+/g) ?? [];
const HOST = [
  window,
  document,
  navigator,
  location,
  history,
  ...["div", "form", "textarea", "button", "input", "a", "img"].map((tag) => document.createElement(tag)),
  ...[Array, Map, Set, Promise, String, WebSocket, XMLHttpRequest, KeyboardEvent, CSSStyleSheet, AbortController].map(
    ({ prototype }): object => prototype,
  ),
];

test("nothing that is sent, stored, told by a site or given by the browser is among them", () => {
  const shared = [wire, boot, outbox, paint].flatMap((source) =>
    [...source.matchAll(/(?:^ {2}|[{;] ?)(?:readonly )?(\w+)\??:/gm)].map(([, name]) => name),
  );
  expect(shared).toEqual(expect.arrayContaining(["client_id", "jwt", "label", "properties"]));
  expect(names.filter((name) => shared.includes(name))).toEqual([]);
  expect(names.filter((name) => HOST.some((object) => name in object))).toEqual([]);
});

test("each is used", () => {
  const sources = import.meta.glob<string>(["./**/*.{ts,tsx}", "../shared/*.{ts,tsx}", "!./**/*.test.*"], {
    eager: true,
    query: "?raw",
    import: "default",
  });
  const code = Object.values(sources).join("");
  for (const name of names) expect(code).toMatch(new RegExp(`\\b${name}\\b`));
});
