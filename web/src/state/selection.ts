/** Selected flows, apart from the mark: some by id, or all that the view shows. */
import { computed, signal } from "@preact/signals";
import type { Target } from "../api/client";
import { filter, focusId, idsBetween, shown } from "./list";
import { plainWords } from "./prefs";

export const ids = signal<ReadonlySet<string>>(new Set());
export const all = signal(false);
/** Where a range started. */
let anchor = -1;

export const count = computed(() => (all.value ? shown.value : ids.value.size));

export function clear(): void {
  ids.value = new Set();
  all.value = false;
  anchor = -1;
}

export function toggle(id: string, index: number): void {
  const next = new Set(ids.peek());
  if (!next.delete(id)) next.add(id);
  all.value = false;
  ids.value = next;
  anchor = index;
}

export function startAt(index: number): void {
  anchor = index;
}

export async function extendTo(index: number, from: number): Promise<void> {
  if (anchor < 0) anchor = from;
  all.value = false;
  ids.value = new Set(await idsBetween(anchor, index));
}

export function selectAll(): void {
  ids.value = new Set();
  all.value = true;
}

export function isSelected(id: string): boolean {
  return all.value || ids.value.has(id);
}

/** The selection, or the focused flow where nothing is selected. */
export function target(): Target | null {
  if (all.peek()) return { filter: filter.peek() || "~all", plain: plainWords.peek() };
  if (ids.peek().size > 0) return { ids: [...ids.peek()] };
  const focused = focusId.peek();
  return focused ? { ids: [focused] } : null;
}

/** How many flows the target names. */
export function targetCount(): number {
  return count.peek() || (focusId.peek() ? 1 : 0);
}
