/** Where the page is: the part of the URL behind `#`. */
import { computed, signal } from "@preact/signals";

export const VIEWS = ["flows", "paused", "compare", "compose", "rules", "stats", "connect", "events", "options", "search", "keys"] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  view: View;
  /** Path parts behind the view. */
  args: string[];
}

export function parse(hash: string): Route {
  const [name = "", ...args] = hash.replace(/^#?\/?/, "").split("/").map(decode);
  const view = (VIEWS as readonly string[]).includes(name) ? (name as View) : "flows";
  return { view, args: args.filter(Boolean) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function format(view: View, ...args: string[]): string {
  return `#/${[view, ...args.map(encodeURIComponent)].join("/")}`;
}

export const route = signal<Route>(parse(typeof location === "undefined" ? "" : location.hash));

if (typeof addEventListener === "function") {
  addEventListener("hashchange", () => (route.value = parse(location.hash)));
}

export function go(view: View, ...args: string[]): void {
  const hash = format(view, ...args);
  if (hash !== location.hash) location.hash = hash;
  route.value = parse(hash);
}

/** Changes the place without a new entry in the browser's history. */
export function replace(view: View, ...args: string[]): void {
  const hash = format(view, ...args);
  if (hash === location.hash) return;
  window.history.replaceState(null, "", hash);
  route.value = parse(hash);
}

/** The flow whose detail is open beside the list. */
export const openFlow = computed(() => (route.value.view === "flows" ? (route.value.args[0] ?? null) : null));
export const openTab = computed(() => (route.value.view === "flows" ? (route.value.args[1] ?? null) : null));
/** Whether the detail has the window for itself. */
export const alone = computed(() => route.value.view === "flows" && route.value.args[2] === "full");
