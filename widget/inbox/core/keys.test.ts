import { describe, expect, it } from "vitest";
import { createKeys, type Press } from "./keys";

const BINDINGS = [
  { id: "next", keys: ["j"] },
  { id: "resolve", keys: ["e"] },
  { id: "reopen", keys: ["e"] },
  { id: "reply", keys: ["r"] },
  { id: "resolved", keys: ["g r"] },
  { id: "help", keys: ["?"] },
  { id: "palette", keys: ["Mod+k"] },
];

function press(key: string, more: Partial<Press> = {}): Press {
  return {
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    isComposing: false,
    keyCode: 0,
    repeat: false,
    target: document.body,
    ...more,
  };
}

function reader(singles = true) {
  const time = { now: 0 };
  const keys = createKeys(BINDINGS, () => singles, () => time.now);
  return { time, read: (key: string, more?: Partial<Press>) => keys.read(press(key, more)) };
}

describe("keys", () => {
  it("finds single keys, with or without caps lock", () => {
    const { read } = reader();
    expect(read("j")).toEqual(["next"]);
    expect(read("J")).toEqual(["next"]);
    expect(read("?", { shiftKey: true })).toEqual(["help"]);
  });

  it("offers every command of a key, so that the one that makes sense is run", () => {
    expect(reader().read("e")).toEqual(["resolve", "reopen"]);
  });

  it("reads two keys in a row, and only in a row", () => {
    const { read, time } = reader();
    expect(read("g")).toEqual([]);
    expect(read("r")).toEqual(["resolved"]);
    read("g");
    time.now = 5000;
    expect(read("r")).toEqual(["reply"]);
  });

  it("is silent in fields and while composing, except for Ctrl and Cmd", () => {
    const { read } = reader();
    const target = document.createElement("textarea");
    expect(read("j", { target })).toEqual([]);
    expect(read("j", { isComposing: true })).toEqual([]);
    expect(read("j", { keyCode: 229 })).toEqual([]);
    expect(read("k", { target, ctrlKey: true })).toEqual(["palette"]);
    expect(read("k", { target, metaKey: true })).toEqual(["palette"]);
  });

  it("leaves the browser's own shortcuts alone", () => {
    const { read } = reader();
    expect(read("j", { ctrlKey: true })).toEqual([]);
    expect(read("r", { metaKey: true })).toEqual([]);
    expect(read("e", { altKey: true })).toEqual([]);
  });

  it("can be switched off", () => {
    const { read } = reader(false);
    expect(read("j")).toEqual([]);
    expect(read("k", { ctrlKey: true })).toEqual(["palette"]);
  });

  it("repeats moving only", () => {
    const { read } = reader();
    expect(read("j", { repeat: true })).toEqual(["next"]);
    expect(read("e", { repeat: true })).toEqual([]);
  });
});
