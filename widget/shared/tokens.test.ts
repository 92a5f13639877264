import { expect, test } from "vitest";
import { accent, contrast } from "./color";
import css from "./tokens.css?raw";

/** Both values of a token. */
const token = (name: string): [light: string, dark: string] => {
  const [, value = ""] = new RegExp(`--${name}: ([^;]+);`).exec(css) ?? [];
  const [, light, dark] = /light-dark\((#\w+), (#\w+)\)/.exec(value) ?? [];
  return light && dark ? [light, dark] : [value, value];
};

const TEXT = [
  ["gray-10", "gray-1"],
  ["gray-10", "gray-3"],
  ["gray-9", "gray-1"],
  ["gray-8", "gray-2"],
  ["gray-7", "gray-1"],
  ["gray-7", "gray-2"],
  ["gray-7", "gray-3"],
  ["accent-text", "gray-1"],
  ["accent-text", "gray-3"],
  ["accent-text", "accent-soft"],
  ["on-accent", "accent"],
  ["on-accent", "accent-hover"],
  ["success", "gray-1"],
  ["success", "success-soft"],
  ["warning", "gray-1"],
  ["warning", "warning-soft"],
  ["danger", "gray-1"],
  ["danger", "danger-soft"],
  ["note", "gray-1"],
  ["note", "note-soft"],
  ["gray-10", "note-soft"],
] as const;

test.each(TEXT)("%s reads on %s in light and dark", (text, surface) => {
  const [front, back] = [token(text), token(surface)];
  for (const theme of [0, 1] as const) expect(contrast(front[theme], back[theme])).toBeGreaterThanOrEqual(4.5);
});

test("borders of controls and focus can be seen", () => {
  for (const theme of [0, 1] as const) {
    expect(contrast(token("gray-6")[theme], token("gray-1")[theme])).toBeGreaterThanOrEqual(3);
    expect(contrast(token("accent-text")[theme], token("gray-1")[theme])).toBeGreaterThanOrEqual(3);
  }
});

test.each(["#ffd400", "#ff6f61", "#00b894", "#808080", "#000", "#ffffff", "#e6007e", "#2f4bb8"])(
  "brand %s is made readable",
  (brand) => {
    const put = new Map(accent(brand));
    const pair = (name: string): string[] => put.get(name)?.match(/#\w{6}/g) ?? [];
    expect(contrast(put.get("--on-accent") ?? "", put.get("--accent") ?? "")).toBeGreaterThanOrEqual(4.5);
    expect(contrast(put.get("--on-accent") ?? "", put.get("--accent-hover") ?? "")).toBeGreaterThanOrEqual(4.5);
    const [light = "", dark = ""] = pair("--accent-text");
    const [lightSoft = "", darkSoft = ""] = pair("--accent-soft");
    for (const surface of [token("gray-1")[0], token("gray-3")[0], lightSoft])
      expect(contrast(light, surface)).toBeGreaterThanOrEqual(4.5);
    for (const surface of [token("gray-1")[1], token("gray-3")[1], darkSoft])
      expect(contrast(dark, surface)).toBeGreaterThanOrEqual(4.5);
  },
);

test("what is not a colour changes nothing", () => {
  for (const bad of [null, undefined, "", "red", "url(x)", "#12345"]) expect(accent(bad)).toEqual([]);
});
