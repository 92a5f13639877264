/** Times in the reader's language and zone. */
const DAY_MS = 86_400_000;

const midnight = (date: Date): number => new Date(date).setHours(0, 0, 0, 0);

const capitalised = (text: string, locale: string): string => (text[0] ?? "").toLocaleUpperCase(locale) + text.slice(1);

/** `14:05` or `2:05 PM`. */
export const clock = (at: string, locale: string): string =>
  new Date(at).toLocaleTimeString(locale, { hour: "numeric", minute: "2-digit" });

/** `Today`, `Yesterday`, else the date, with its year when it is not this one. */
export const day = (at: string, locale: string, now = new Date()): string => {
  const date = new Date(at);
  const ago = Math.round((midnight(now) - midnight(date)) / DAY_MS);
  if (ago === 0 || ago === 1) {
    return capitalised(new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(-ago, "day"), locale);
  }
  const year = date.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString(locale, { weekday: "short", day: "numeric", month: "long", year });
};

export const sameDay = (a: string, b: string): boolean => midnight(new Date(a)) === midnight(new Date(b));
