/** Which dialog or menu is open; one at a time. */
import { signal } from "@preact/signals";

export type Dialog =
  | { kind: "palette"; text: string }
  | { kind: "help" }
  | { kind: "columns" }
  | { kind: "copy" }
  | { kind: "export" }
  | { kind: "comment" }
  | { kind: "intercept" }
  | { kind: "highlight" }
  | { kind: "save-filter" }
  | { kind: "inject" }
  | { kind: "settings" }
  | { kind: "confirm"; title: string; text: string; verb: string; run: () => void };

export const dialog = signal<Dialog | null>(null);

export function close(): void {
  dialog.value = null;
}

export interface MenuItem {
  title: string;
  keys?: string;
  disabled?: boolean;
  separator?: boolean;
  run: () => void;
}

export interface Menu {
  x: number;
  y: number;
  label: string;
  items: MenuItem[];
}

export const menu = signal<Menu | null>(null);

/** Opens a menu below the control that was pressed. */
export function menuBelow(from: Element, label: string, items: MenuItem[]): void {
  const box = from.getBoundingClientRect();
  menu.value = { x: box.left, y: box.bottom + 2, label, items };
}
