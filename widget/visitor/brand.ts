/** The owner's colour, once it is known: its readable relatives are computed by a file of their own. */
import { later } from "./later";
import { keepPaint, painted } from "./paint";

export const paint = async (frame: HTMLElement, key: string, color?: string | null): Promise<void> => {
  if (!color || painted(frame, key, color)) return;
  const { accent } = await later<typeof import("../shared/color")>("color.js");
  keepPaint(frame, key, { color, properties: accent(color) });
};
