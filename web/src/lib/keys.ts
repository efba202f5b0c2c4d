/** Names of keys: `g`, `G`, `Ctrl+P`, `Shift+ArrowDown`. */

export interface Stroke {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

export function nameOf(stroke: Stroke): string {
  const key = stroke.key === " " ? "Space" : stroke.key;
  const letter = key.length === 1;
  const parts: string[] = [];
  if (stroke.ctrlKey || stroke.metaKey) parts.push("Ctrl");
  if (stroke.altKey) parts.push("Alt");
  // A letter carries its shift in its case; signs need it to be typed at all.
  if (stroke.shiftKey && (!letter || parts.length > 0)) parts.push("Shift");
  parts.push(letter && parts.length > 0 ? key.toUpperCase() : key);
  return parts.join("+");
}

/** Whether the key is a single sign, which can be switched off. */
export function isSingle(name: string): boolean {
  return name.length === 1;
}

const SHOWN: Readonly<Record<string, string>> = {
  ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc", Delete: "Del", PageUp: "PgUp", PageDown: "PgDn",
};

/** How a key is written for people. */
export function shown(name: string): string {
  return name.split("+").map((part) => SHOWN[part] ?? part).join(name === "+" ? "" : "+") || "+";
}

/** Whether a stroke here belongs to the text that is being typed. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !/^(?:checkbox|radio|button|submit|range|file)$/.test(target.type);
}
