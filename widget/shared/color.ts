/** The owner's brand colour made readable: contrast is computed, never hoped for. */
type Rgb = [number, number, number];

const parse = (hex: string): Rgb | null => {
  const [, long] = /^#([\da-f]{6})$/i.exec(hex.replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3")) ?? [];
  return long ? ([0, 2, 4].map((at) => Number.parseInt(long.slice(at, at + 2), 16)) as Rgb) : null;
};

const luminance = (rgb: Rgb): number => {
  const [r, g, b] = rgb.map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

const ratio = (a: Rgb, b: Rgb): number => {
  const [x, y] = [luminance(a) + 0.05, luminance(b) + 0.05];
  return Math.max(x, y) / Math.min(x, y);
};

const mix = (a: Rgb, b: Rgb, share: number): Rgb =>
  a.map((part, i) => Math.round(part + ((b[i] ?? 0) - part) * share)) as Rgb;

const css = (rgb: Rgb): string => `#${rgb.map((part) => part.toString(16).padStart(2, "0")).join("")}`;

/** WCAG contrast ratio of two `#rrggbb` colours. */
export const contrast = (a: string, b: string): number => {
  const [x, y] = [parse(a), parse(b)];
  return x && y ? ratio(x, y) : 0;
};

const WHITE: Rgb = [255, 255, 255];
const INK: Rgb = [20, 24, 31];
const NIGHT: Rgb = [22, 25, 30];

/** The brand moved towards `pole` until it reads on `surface`. */
const readable = (brand: Rgb, surface: Rgb, pole: Rgb): string => {
  let colour = brand;
  for (let share = 0; ratio(colour, surface) < 5 && share <= 1; share += 0.05) colour = mix(brand, pole, share);
  return css(colour);
};

/** Custom properties that put `brand` in the accent's place; none for anything but `#rgb` and `#rrggbb`. */
export const accent = (brand: string | null | undefined): [name: string, value: string][] => {
  const rgb = parse(brand ?? "");
  if (!rgb) return [];
  const on = ratio(rgb, WHITE) >= 4.5 ? WHITE : INK;
  const pair = (light: string, dark: string): string => `light-dark(${light},${dark})`;
  return [
    ["--accent", css(rgb)],
    ["--accent-hover", css(mix(rgb, on === WHITE ? INK : WHITE, 0.14))],
    ["--on-accent", css(on)],
    ["--accent-text", pair(readable(rgb, [239, 241, 244], INK), readable(rgb, [33, 38, 46], WHITE))],
    ["--accent-soft", pair(css(mix(WHITE, rgb, 0.1)), css(mix(NIGHT, rgb, 0.2)))],
  ];
};
