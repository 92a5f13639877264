import { describe, expect, it } from "vitest";
import { ar } from "../lang/ar";
import { en } from "../lang/en";
import { ja } from "../lang/ja";
import { arrange } from "./arrange";
import { find } from "./find";
import { bytes, patience, since } from "./format";
import { address, parse } from "./route";
import { at, message } from "./testing";
import type { Language, Sentence } from "./words";

describe("arrange", () => {
  it("groups by sender and minute and separates days", () => {
    const agent = { sender: "agent", author: { id: "a", name: "A" } } as const;
    const items = arrange([
      message(1, { created_at: at(0) }),
      message(2, { created_at: at(0.5) }),
      message(3, { created_at: at(0.6), ...agent }),
      message(4, { created_at: at(60 * 24 * 2), ...agent }),
    ]);
    expect(items.map((item) => item.key)).toEqual(["day-1", "m-1", "m-2", "m-3", "day-4", "m-4"]);
    const shown = items.filter((item) => item.type === "message");
    expect(shown.map((item) => [item.first, item.last])).toEqual([
      [true, false],
      [false, true],
      [true, true],
      [true, true],
    ]);
  });

  it("never groups a note with a reply", () => {
    const agent = { sender: "agent", author: { id: "a", name: "A" } } as const;
    const items = arrange([message(1, agent), message(2, { ...agent, kind: "note", created_at: at(10) })]);
    expect(items.every((item) => item.type !== "message" || item.first)).toBe(true);
  });
});

describe("route", () => {
  it("reads and writes addresses", () => {
    expect(parse(address("mine", "a/b c"))).toEqual({ page: "desk", view: "mine", conversation: "a/b c" });
    expect(parse("#setup=tok-en_1")).toEqual({ page: "setup", token: "tok-en_1" });
    expect(parse("#simulator")).toEqual({ page: "simulator" });
  });

  it("survives nonsense", () => {
    for (const hash of ["", "#", "#/nowhere/x", "#/queue/%E0%A4%A", "#setup="]) {
      expect(parse(hash)).toMatchObject({ page: "desk", conversation: null });
    }
  });
});

describe("format", () => {
  it("says how long in the reader's language", () => {
    const now = Date.parse(at(0));
    expect(since(at(-4), now, "en")).toBe("4 min");
    expect(since(at(-180), now, "en")).toBe("3 hr");
    expect(since(at(5), now, "en")).toBe("1 min");
    expect(since(at(-4), now, "ja")).toBe("4 分");
    expect([patience(at(-1), now), patience(at(-6), now), patience(at(-16), now)]).toEqual(["fresh", "late", "overdue"]);
  });

  it("says how large", () => {
    expect(bytes(48_211, "en")).toBe("48 kB");
    expect(bytes(1_482_110, "en")).toBe("1.5 MB");
  });
});

describe("find", () => {
  const options = ["Resolve", "Release to the queue", "Reply", "Go to the queue"].map((label) => ({
    id: label,
    label,
    keys: "",
    run: () => undefined,
  }));

  it("wants every word, and puts starts first", () => {
    expect(find(options, "queue re").map((one) => one.label)).toEqual(["Release to the queue"]);
    expect(find(options, "rep")[0]?.label).toBe("Reply");
    expect(find(options, "zz")).toEqual([]);
    expect(find(options, "")).toHaveLength(4);
  });
});

describe("languages", () => {
  const places = (sentence: Sentence): string[] => {
    const text = typeof sentence === "string" ? sentence : sentence.other;
    return [...new Set(text.match(/\{\w+\}/g))].sort();
  };
  const english: Language = en;

  it.each([
    ["ja", ja],
    ["ar", ar],
  ])("%s says everything with the same placeholders", (_name, language) => {
    for (const key of Object.keys(english) as (keyof Language)[]) {
      expect(language[key], key).toBeTruthy();
      expect(places(language[key]), key).toEqual(places(english[key]));
    }
  });
});
