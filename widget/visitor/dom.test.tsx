/** The stand-in draws what Preact draws, and leaves alone what did not change. */
import { h, render as preact } from "preact";
import { beforeEach, expect, test } from "vitest";
import { jsx, render } from "./dom";

type Tree = [type: string, props: Record<string, unknown>, ...children: unknown[]] | string | number | null | false;

const ours = (tree: Tree): never => {
  if (!Array.isArray(tree)) return tree as never;
  const [type, { key, ...props }, ...children] = tree;
  return jsx(type, { ...props, children: children.map((child) => ours(child as Tree)) }, key) as never;
};
const theirs = (tree: Tree): never =>
  (Array.isArray(tree) ? h(tree[0], tree[1], ...tree.slice(2).map((child) => theirs(child as Tree))) : tree) as never;

let box: HTMLElement;
beforeEach(() => {
  box = document.createElement("div");
  document.body.replaceChildren(box);
});

const item = (key: string): Tree => ["li", { key, id: key }, key];
const SCREENS: Tree[] = [
  ["section", { class: "a", hidden: true, "aria-modal": false }, "text ", 0, null, false],
  ["section", { "aria-modal": true }, ["ul", {}, ...["a", "b", "c"].map(item)], ["p", {}, "end"]],
  ["section", { "aria-modal": true }, ["ul", {}, ...["c", "x", "a"].map(item)], ["p", { title: "t" }, "end", "s"]],
  ["section", {}, ["svg", { viewBox: "0 0 1 1" }, ["path", { d: "M0 0" }]], ["textarea", { rows: 1, maxLength: 5 }]],
  ["section", {}],
];

/** Preact leaves an emptied property as an empty attribute. */
const plain = (html: string): string => html.replace(' title=""', "");

test("screen after screen, the same as Preact", () => {
  const other = document.createElement("div");
  for (const screen of [...SCREENS, ...SCREENS.toReversed()]) {
    render(ours(screen), box);
    preact(theirs(screen), other);
    expect(box.innerHTML).toBe(plain(other.innerHTML));
  }
});

test("text is text", () => {
  render(ours(["p", {}, "<b>x</b>"]), box);
  expect(box.querySelector("b")).toBeNull();
});

test("keyed and unchanged elements stay the same, and keep their focus", () => {
  const row = (keys: string[]): Tree => ["div", {}, ...keys.map((key): Tree => ["input", { key, id: key }])];
  render(ours(row(["a", "b", "c"])), box);
  const b = box.querySelector<HTMLInputElement>("#b");
  b?.focus();
  for (const keys of [["b", "c"], ["x", "b"], ["x", "b", "y"], ["b"]]) {
    render(ours(row(keys)), box);
    expect(box.querySelector("#b")).toBe(b);
    expect(document.activeElement).toBe(b);
  }
});

test("what comes and goes does not take its neighbour's place", () => {
  const screen = (notice: boolean): Tree => ["div", {}, notice && ["p", {}, "notice"], ["p", { id: "fixed" }, "fixed"]];
  render(ours(screen(false)), box);
  const fixed = box.querySelector("#fixed");
  render(ours(screen(true)), box);
  expect(box.querySelector("#fixed")).toBe(fixed);
});

test("handlers are replaced, refs called once, the same node is passed over", () => {
  const calls: string[] = [];
  const refs: unknown[] = [];
  const ref = (element: unknown): void => void refs.push(element);
  const kept = ours(["i", {}, "kept"]);
  for (const name of ["one", "two"]) {
    render(jsx("button", { onClick: () => calls.push(name), ref, children: [kept] }) as never, box);
  }
  box.querySelector("button")?.click();
  expect([calls, refs.length]).toEqual([["two"], 1]);
});

test("components are functions of their props", () => {
  const Hello = ({ name }: Record<string, unknown>): never => ours(["b", {}, `Hello ${name}`]);
  render(jsx(Hello, { name: "x" }, "k") as never, box);
  expect(box.innerHTML).toBe("<b>Hello x</b>");
});
