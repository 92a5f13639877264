/** The owner's colour on the frame: computed once and kept, so that on the next page the launcher has it at once. */
import { readObject, write } from "../shared/storage";
import { keptAt } from "./boot";

interface Paint {
  color: string;
  properties: [name: string, value: string][];
}

const at = (key: string): string => `${keptAt(key)}paint`;

/** Put on what was kept; false if that is another colour than `color`. */
export const painted = (frame: HTMLElement, key: string, color?: string | null): boolean => {
  const kept = readObject<Paint>(at(key));
  for (const [name, value] of kept.properties ?? []) frame.style.setProperty(name, value);
  return !color || kept.color === color;
};

/** Put on `properties`, and keep them for the next page. */
export const keepPaint = (frame: HTMLElement, key: string, paint: Paint): void => {
  write(at(key), JSON.stringify(paint));
  painted(frame, key);
};
