/** The update WebSocket: opens, reopens with growing pauses, hands messages on. */
import { signal } from "@preact/signals";
import type { ClientMessage, ServerMessage } from "./types";

export interface Link {
  state: "connecting" | "open" | "lost";
  /** When the next try is made, milliseconds of `Date.now()`. */
  retryAt: number;
  tries: number;
}

export const link = signal<Link>({ state: "connecting", retryAt: 0, tries: 0 });

/** Pause before a new try, in seconds. */
export function backoff(tries: number): number {
  return Math.min(15, 2 ** Math.max(0, tries - 1));
}

let socket: WebSocket | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let receive: (message: ServerMessage) => void = () => {};
let opened: () => void = () => {};
let failed: () => void = () => {};

/** Starts the link. `onOpen` runs after every (re)connection, `onFail` after every loss. */
export function start(onMessage: typeof receive, onOpen: typeof opened, onFail: typeof failed): void {
  receive = onMessage;
  opened = onOpen;
  failed = onFail;
  connect();
}

export function send(message: ClientMessage): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

/** Tries at once, whatever the countdown says. */
export function retryNow(): void {
  clearTimeout(timer);
  connect();
}

function connect(): void {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const mine = new WebSocket(`${scheme}//${location.host}/api/v1/updates`);
  socket = mine;
  const tries = link.value.tries;
  link.value = { ...link.value, state: tries === 0 ? "connecting" : "lost", retryAt: 0 };
  mine.onopen = () => {
    link.value = { state: "open", retryAt: 0, tries: 0 };
    opened();
  };
  mine.onmessage = (event: MessageEvent<unknown>) => {
    if (typeof event.data !== "string") return;
    let message: ServerMessage;
    try {
      message = JSON.parse(event.data) as ServerMessage;
    } catch {
      return;
    }
    receive(message);
  };
  mine.onclose = () => {
    if (socket !== mine) return;
    socket = null;
    const next = link.value.tries + 1;
    const pause = backoff(next) * 1000;
    link.value = { state: "lost", retryAt: Date.now() + pause, tries: next };
    failed();
    timer = setTimeout(connect, pause);
  };
}
