/** Durations, shares and sizes in the reader's language. */
const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

function unitOf(seconds: number): ["minute" | "hour" | "day", size: number] {
  if (seconds < HOUR_S) return ["minute", MINUTE_S];
  return seconds < DAY_S ? ["hour", HOUR_S] : ["day", DAY_S];
}

/** How long since `at`: `4 min`, `3 hr`, `2 days`; the first minute counts as one. */
export function since(at: string, now: number, locale: string): string {
  const seconds = Math.max(MINUTE_S, (now - Date.parse(at)) / 1000);
  const [unit, size] = unitOf(seconds);
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short" }).format(Math.floor(seconds / size));
}

export type Patience = "fresh" | "late" | "overdue";

const LATE_S = 300;
const OVERDUE_S = 900;

/** How hard a wait presses. */
export function patience(at: string, now: number): Patience {
  const seconds = (now - Date.parse(at)) / 1000;
  return seconds >= OVERDUE_S ? "overdue" : seconds >= LATE_S ? "late" : "fresh";
}

export const percent = (share: number, locale: string): string =>
  new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 }).format(share);

export function bytes(size: number, locale: string): string {
  const [unit, divisor] = size < 1e6 ? (["kilobyte", 1e3] as const) : (["megabyte", 1e6] as const);
  const maximumFractionDigits = divisor === 1e6 ? 1 : 0;
  return new Intl.NumberFormat(locale, { style: "unit", unit, maximumFractionDigits }).format(Math.max(size / divisor, 0.1));
}
