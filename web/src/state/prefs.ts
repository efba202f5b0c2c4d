/** What the user chose about the page itself; kept in the browser's storage. */
import { effect, signal, type Signal } from "@preact/signals";
import type { ColumnChoice } from "../lib/columns";

const STORE = "midwire:";

function stored<T>(name: string, start: T, valid: (value: unknown) => value is T): Signal<T> {
  let value = start;
  try {
    const text = localStorage.getItem(STORE + name);
    const read: unknown = text === null ? undefined : JSON.parse(text);
    if (valid(read)) value = read;
  } catch {
    // No storage, or something else wrote there: the default serves.
  }
  const kept = signal(value);
  let first = true;
  effect(() => {
    const text = JSON.stringify(kept.value);
    if (first) {
      first = false;
      return;
    }
    try {
      localStorage.setItem(STORE + name, text);
    } catch {
      // A full or forbidden storage costs the choice, nothing else.
    }
  });
  return kept;
}

const isBool = (value: unknown): value is boolean => typeof value === "boolean";
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isText = (value: unknown): value is string => typeof value === "string";
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
const oneOf = <T extends string>(...all: T[]) => (value: unknown): value is T => all.includes(value as T);

export const THEMES = ["auto", "light", "dark", "contrast-light", "contrast-dark", "deutan", "tritan", "solarized-light", "solarized-dark"] as const;
export type Theme = (typeof THEMES)[number];

export const theme = stored<Theme>("theme", "auto", oneOf(...THEMES));
export const density = stored<"compact" | "normal" | "roomy">("density", "compact", oneOf("compact", "normal", "roomy"));
export const layout = stored<"right" | "below" | "full">("layout", "right", oneOf("right", "below", "full"));
/** Share of the list, in percent, beside or above the detail. */
export const split = stored<number>("split", 52, isNumber);
export const singleKeys = stored<boolean>("single-keys", true, isBool);
export const plainWords = stored<boolean>("plain", true, isBool);
export const follow = stored<boolean>("follow", true, isBool);
export const wrap = stored<boolean>("wrap", true, isBool);
export const redact = stored<boolean>("redact", false, isBool);
export const timeStyle = stored<"clock" | "first" | "previous">("time", "clock", oneOf("clock", "first", "previous"));
export const listMode = stored<"table" | "waterfall" | "tree">("mode", "table", oneOf("table", "waterfall", "tree"));
export const columns = stored<ColumnChoice[]>("columns", [], (value): value is ColumnChoice[] =>
  Array.isArray(value) && value.every((c: unknown) => typeof c === "object" && c !== null && isText((c as ColumnChoice).id) && isNumber((c as ColumnChoice).width) && isBool((c as ColumnChoice).shown)));
export const chipsShown = stored<boolean>("chips", true, isBool);
export const history = stored<string[]>("filter-history", [], isTexts);
export const recent = stored<string[]>("palette-recent", [], isTexts);
export const ignored = stored<string>("compare-ignored", "date, x-request-id", isText);

/** Remembers something used, newest first. */
export function remember(list: Signal<string[]>, entry: string, max = 30): void {
  if (!entry) return;
  list.value = [entry, ...list.peek().filter((other) => other !== entry)].slice(0, max);
}

export const ROW_HEIGHT = { compact: 22, normal: 26, roomy: 32 } as const;

const narrowQuery = typeof matchMedia === "function" ? matchMedia("(max-width: 699px)") : null;
export const narrow = signal(narrowQuery?.matches ?? false);
narrowQuery?.addEventListener("change", (event) => (narrow.value = event.matches));
