import { expect, test } from "vitest";
import { choose, direction, fill } from "../shared/locale";

const files = import.meta.glob<Record<string, string>>("./lang/*.json", { eager: true, import: "default" });
const sources = import.meta.glob<string>(["./**/*.{ts,tsx}", "!./**/*.test.*"], {
  eager: true,
  query: "?raw",
  import: "default",
});
const english = files["./lang/en.json"] ?? {};
const holes = (sentence = ""): string[] => (sentence.match(/\{\w+\}/g) ?? []).sort();

test.each(Object.entries(files))("%s says all of it, with the same blanks", (_, other) => {
  expect(Object.keys(other)).toEqual(Object.keys(english));
  for (const [key, sentence] of Object.entries(other)) {
    expect(sentence.trim()).not.toBe("");
    expect(holes(sentence)).toEqual(holes(english[key]));
  }
});

test("no word is there that no screen says", () => {
  const code = Object.values(sources).join("");
  for (const key of Object.keys(english)) expect(code).toMatch(new RegExp(`\\b${key}\\b`));
});

test("chooses by the first wish it can meet", () => {
  expect(choose(["", "zh-Hant-TW", "ja"], ["en", "ja", "zh"])).toBe("zh");
  expect(choose([undefined, "xx"], ["en", "ja"])).toBe("en");
});

test("direction and blanks", () => {
  expect(["ar-EG", "fa", "he", "en", "arn"].map(direction)).toEqual(["rtl", "rtl", "rtl", "ltr", "ltr"]);
  expect(fill("{name} of {n} {x}", { name: "$&", n: 5 })).toBe("$& of 5 {x}");
});
