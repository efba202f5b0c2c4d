/** The open flow: read when it is opened, read again when the server says that it changed. */
import { effect, signal } from "@preact/signals";
import { api, ApiError } from "../api/client";
import { send } from "../api/live";
import type { Flow } from "../api/types";
import { openFlow } from "./route";
import { sentence } from "./toast";

export interface Open {
  id: string;
  flow: Flow | null;
  error: string | null;
  gone: boolean;
  /** Grows with every reading; bodies are read anew when it does. */
  version: number;
}

export const open = signal<Open | null>(null);

let abort: AbortController | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Pause before a flow is read while the focus runs through the list. */
const SETTLE_MS = 40;

export function startFlowStore(): void {
  effect(() => {
    const id = openFlow.value;
    if (id === (open.peek()?.id ?? null)) return;
    abort?.abort();
    clearTimeout(timer);
    send({ type: "watch", id });
    if (!id) {
      open.value = null;
      return;
    }
    const before = open.peek();
    open.value = { id, flow: null, error: null, gone: false, version: 0 };
    timer = setTimeout(() => void read(id), before ? SETTLE_MS : 0);
  });
}

/** After a new connection the watch has to be set again. */
export function rewatch(): void {
  const id = openFlow.peek();
  send({ type: "watch", id });
  if (id) void read(id);
}

export function changed(id: string): void {
  if (open.peek()?.id === id) {
    clearTimeout(timer);
    timer = setTimeout(() => void read(id), 50);
  }
}

export function gone(id: string): void {
  const now = open.peek();
  if (now?.id === id) open.value = { ...now, gone: true };
}

async function read(id: string): Promise<void> {
  abort?.abort();
  abort = new AbortController();
  try {
    const flow = await api.flow(id, abort.signal);
    const now = open.peek();
    if (now?.id === id) open.value = { id, flow, error: null, gone: false, version: now.version + 1 };
  } catch (error) {
    if (error instanceof DOMException) return;
    const now = open.peek();
    if (now?.id !== id) return;
    const missing = error instanceof ApiError && error.status === 404;
    open.value = { ...now, error: missing ? "This flow is no longer there." : sentence(error), gone: missing };
  }
}

export function reread(): void {
  const id = open.peek()?.id;
  if (id) void read(id);
}
