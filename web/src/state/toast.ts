/** Short notices: what an action did, or one sentence of why it failed. */
import { signal } from "@preact/signals";
import { ApiError } from "../api/client";

export interface Toast {
  id: number;
  text: string;
  role: "info" | "bad";
}

export const toasts = signal<Toast[]>([]);
/** Said aloud at once by screen readers. */
export const urgent = signal("");
/** Said when there is a pause. */
export const polite = signal("");

let next = 1;

export function say(text: string, role: Toast["role"] = "info"): void {
  const id = next++;
  toasts.value = [...toasts.value.slice(-3), { id, text, role }];
  setTimeout(() => dismiss(id), role === "bad" ? 9000 : 4000);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

export function sentence(error: unknown): string {
  if (error instanceof ApiError) return error.message;
  return error instanceof Error ? error.message : String(error);
}

/** Runs something and says what went wrong; `undefined` then. */
export async function attempt<T>(what: string, run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return undefined;
    say(`${what}: ${sentence(error)}`, "bad");
    return undefined;
  }
}
