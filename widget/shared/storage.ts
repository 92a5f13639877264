/** localStorage that never throws: full, forbidden (third-party frame) or absent, it forgets with the page. */
const memory = new Map<string, string>();

export const read = (key: string): string | null => {
  let value: string | null = null;
  try {
    value = localStorage.getItem(key);
  } catch {
    // Without storage, memory is all there is.
  }
  return value ?? memory.get(key) ?? null;
};

/** Store, or with null remove. */
export const write = (key: string, value: string | null): void => {
  memory.delete(key);
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    if (value !== null) memory.set(key, value);
  }
};

export const keys = (prefix: string): string[] => {
  const found = [...memory.keys()];
  try {
    found.push(...Object.keys(localStorage));
  } catch {
    // Without storage, memory is all there is.
  }
  return found.filter((key) => key.startsWith(prefix));
};

/** Parse what was stored; anything else than an object is as good as nothing. */
export const readObject = <T extends object>(key: string): Partial<T> => {
  try {
    const value: unknown = JSON.parse(read(key) ?? "");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
};
