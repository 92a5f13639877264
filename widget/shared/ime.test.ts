import { expect, test } from "vitest";
import { sends, typed } from "./ime";

const key = (init: KeyboardEventInit & { keyCode?: number }): KeyboardEvent => {
  const event = new KeyboardEvent("keydown", init);
  Object.defineProperty(event, "keyCode", { value: init.keyCode ?? 13 });
  Object.defineProperty(event, "isComposing", { value: init.isComposing ?? false });
  return event;
};

test("Enter sends, with Shift it breaks the line", () => {
  expect(sends(key({ key: "Enter" }))).toBe(true);
  expect(sends(key({ key: "Enter", shiftKey: true }))).toBe(false);
  expect(sends(key({ key: "a" }))).toBe(false);
});

test("Enter that ends a composition never sends", () => {
  expect(sends(key({ key: "Enter", isComposing: true }))).toBe(false);
});

test("nor does Safari's, which comes after the composition with key code 229", () => {
  expect(typed(key({ key: "Enter", isComposing: false, keyCode: 229 }))).toBe(false);
});
