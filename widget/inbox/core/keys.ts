/** Key presses to command ids. Single keys are silent inside fields, while composing, and when switched off. */

export interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
  isComposing: boolean;
  keyCode: number;
  repeat: boolean;
  target: EventTarget | null;
}

export interface Binding {
  id: string;
  /** `e`, `g q` (one after the other), `Mod+k` (Ctrl, or Cmd on a Mac). */
  keys: readonly string[];
}

export interface KeyReader {
  /** The commands this press may mean; the first that makes sense now is run. */
  read(press: Press): readonly string[];
}

const NONE: readonly string[] = [];
const SEQUENCE_MS = 1200;
const REPEATABLE = new Set(["j", "k"]);

export function isField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName);
}

function nameOf(press: Press): string {
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  return press.ctrlKey || press.metaKey ? `Mod+${key}` : key;
}

export function createKeys(bindings: readonly Binding[], singles: () => boolean, clock: () => number): KeyReader {
  const byKeys = new Map<string, string[]>();
  for (const { id, keys } of bindings) for (const key of keys) byKeys.set(key, [...(byKeys.get(key) ?? []), id]);
  const starts = new Set([...byKeys.keys()].filter((keys) => keys.includes(" ")).map((keys) => keys.split(" ")[0]));
  let first = "";
  let firstAt = 0;

  return {
    read(press) {
      if (press.isComposing || press.keyCode === 229 || press.altKey) return NONE;
      const name = nameOf(press);
      if (name.startsWith("Mod+")) return byKeys.get(name) ?? NONE;
      if (isField(press.target) || !singles()) return NONE;
      if (press.repeat && !REPEATABLE.has(name)) return NONE;
      const sequence = first && clock() - firstAt < SEQUENCE_MS ? `${first} ${name}` : "";
      first = "";
      const found = byKeys.get(sequence);
      if (found) return found;
      if (starts.has(name)) {
        first = name;
        firstAt = clock();
        return NONE;
      }
      return byKeys.get(name) ?? NONE;
    },
  };
}
