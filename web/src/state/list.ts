/** The flow list: a view on the server's store, the window of rows the page holds, focus. */
import { batch, computed, signal } from "@preact/signals";
import { api } from "../api/client";
import { send } from "../api/live";
import type { Row, ServerMessage } from "../api/types";
import { windowFor } from "../lib/virtual";
import { follow, plainWords } from "./prefs";
import { openFlow, openTab, replace } from "./route";
import { paused } from "./session-counts";
import { polite, urgent } from "./toast";

export const filter = signal("");
export const highlight = signal("");
export const sort = signal("n");
export const reverse = signal(false);
export const viewError = signal<{ error: string; position: number | null } | null>(null);

export const total = signal(0);
export const shown = signal(0);
export const dropped = signal(0);
/** Whether any answer has come yet. */
export const loaded = signal(false);
export const win = signal<{ offset: number; rows: Row[] }>({ offset: 0, rows: [] });

export const focusId = signal<string | null>(openFlow.peek());
export const focusIndex = signal(-1);
/** A row the list has to scroll to; a new object each time. */
export const reveal = signal<{ index: number; middle?: boolean } | null>(null);
/** Rows that came in below while follow was off. */
export const newBelow = signal(0);

export const focusRow = computed(() => rowAt(focusIndex.value));

export function rowAt(index: number): Row | undefined {
  const { offset, rows } = win.value;
  return rows[index - offset];
}

let seq = 0;
/** The view whose rows are shown; a view that was refused leaves it as it is. */
let goodSeq = 0;
let asked = { offset: 0, count: 200 };
/** A place that gets the focus as soon as its row is here. */
let pending: number | null = null;
let place: { first: number; end: number } = { first: 0, end: 40 };

/** Tells the server which view this page wants. */
export function sendView(): void {
  seq++;
  send({ type: "view", seq, filter: filter.peek(), plain: plainWords.peek(), sort: sort.peek(), reverse: reverse.peek(), highlight: highlight.peek() });
  send({ type: "window", ...asked });
  const id = focusId.peek();
  if (id) send({ type: "locate", id });
}

export function setFilter(text: string): void {
  if (text === filter.peek()) return;
  batch(() => {
    filter.value = text;
    viewError.value = null;
    newBelow.value = 0;
  });
  // A narrowed list mostly fits into the first window; a longer one is asked for again.
  asked = { offset: 0, count: 300 };
  sendView();
}

export function setSort(column: string): void {
  batch(() => {
    if (sort.peek() === column) reverse.value = !reverse.peek();
    else {
      sort.value = column;
      reverse.value = false;
    }
    if (sort.peek() !== "n") follow.value = false;
  });
  sendView();
}

export function setHighlight(expr: string): void {
  highlight.value = expr;
  sendView();
}

/** The list says which rows are visible; the window follows where they near its edge. */
export function showing(first: number, end: number): void {
  place = { first, end };
  const { offset, count } = asked;
  const near = 40;
  const top = first < offset + near && offset > 0;
  const bottom = end > offset + count - near && offset + count < shown.peek();
  if (!top && !bottom) return;
  const wanted = windowFor(first, end, shown.peek());
  if (wanted.offset === offset && wanted.count === count) return;
  asked = wanted;
  send({ type: "window", ...asked });
}

export function receive(message: ServerMessage): void {
  switch (message.type) {
    case "rows":
      if (message.seq >= goodSeq) takeRows(message);
      break;
    case "count":
      counted(message.total, message.shown, message.paused);
      break;
    case "view_error":
      if (message.seq === seq) viewError.value = { error: message.error, position: message.position ?? null };
      break;
    case "located":
      if (message.id === focusId.peek()) located(message.offset, message.near ?? null);
      break;
    default:
  }
}

function takeRows(message: Extract<ServerMessage, { type: "rows" }>): void {
  const first = !loaded.peek();
  goodSeq = message.seq;
  batch(() => {
    win.value = { offset: message.offset, rows: message.rows };
    loaded.value = true;
    if (message.seq === seq) viewError.value = null;
    dropped.value = message.dropped;
    counted(message.total, message.shown, message.paused ?? null);
    place2();
  });
  // A list that was empty asked for too few rows.
  if (first || asked.count < Math.min(200, message.shown)) showing(place.first, place.end);
}

/** Keeps the focus with its flow after the rows changed. */
function place2(): void {
  const { offset, rows } = win.peek();
  if (pending !== null) {
    const row = rows[pending - offset];
    if (row) {
      const index = pending;
      pending = null;
      setFocus(row.id, index);
      return;
    }
  }
  const id = focusId.peek();
  if (!id) return;
  const at = rows.findIndex((row) => row.id === id);
  if (at >= 0) focusIndex.value = offset + at;
  else if (focusIndex.peek() >= offset && focusIndex.peek() < offset + rows.length) send({ type: "locate", id });
}

function located(offset: number | null, near: number | null): void {
  if (offset !== null) {
    focusIndex.value = offset;
    if (offset < shown.peek() - 2) follow.value = false;
    reveal.value = { index: offset, middle: true };
    return;
  }
  // A flow that was opened by its URL stays open even where the filter hides it.
  if (near === null || shown.peek() === 0) {
    focusIndex.value = -1;
    return;
  }
  focusAt(Math.min(near, shown.peek() - 1));
}

let announced = 0;
let announceTimer: ReturnType<typeof setTimeout> | undefined;

function counted(newTotal: number, newShown: number, newPaused: number | null): void {
  const grown = newShown - shown.peek();
  const more = newTotal - total.peek();
  total.value = newTotal;
  shown.value = newShown;
  if (newPaused !== null) {
    if (newPaused > paused.peek()) urgent.value = `${newPaused} ${newPaused === 1 ? "flow" : "flows"} paused`;
    paused.value = newPaused;
  }
  const bottom = sort.peek() === "n" && !reverse.peek();
  if (grown > 0 && loaded.peek() && bottom && !follow.peek() && place.end < newShown) newBelow.value += grown;
  if (place.end >= newShown) newBelow.value = 0;
  if (more > 0 && loaded.peek()) announce(more);
}

/** "12 new flows", at most every five seconds. */
function announce(more: number): void {
  announced += more;
  if (announceTimer !== undefined) return;
  announceTimer = setTimeout(() => {
    polite.value = `${announced} new flows`;
    announced = 0;
    announceTimer = undefined;
  }, 5000);
}

export function setFocus(id: string, index: number): void {
  batch(() => {
    focusId.value = id;
    focusIndex.value = index;
    if (openFlow.peek() && openFlow.peek() !== id) replace("flows", id, openTab.peek() ?? "auto");
  });
}

export function focusAt(index: number): void {
  const last = shown.peek() - 1;
  if (last < 0) return;
  const wanted = Math.max(0, Math.min(last, index));
  if (wanted < last - 1) follow.value = false;
  const row = rowAt(wanted);
  if (row) setFocus(row.id, wanted);
  else {
    pending = wanted;
    focusIndex.value = wanted;
    asked = windowFor(wanted, wanted + 1, shown.peek());
    send({ type: "window", ...asked });
  }
  reveal.value = { index: wanted };
}

export function moveFocus(by: number): void {
  focusAt(focusIndex.peek() < 0 ? (by > 0 ? 0 : shown.peek() - 1) : focusIndex.peek() + by);
}

/** Focuses a flow wherever it is in the view. */
export function focusFlow(id: string): void {
  focusId.value = id;
  send({ type: "locate", id });
}

/** Ids of the rows `from..=to` of the view, read from the server where the page has not got them. */
export async function idsBetween(from: number, to: number): Promise<string[]> {
  const [a, b] = from <= to ? [from, to] : [to, from];
  const out: string[] = [];
  for (let index = a; index <= b; index++) {
    const row = rowAt(index);
    if (row) {
      out.push(row.id);
      continue;
    }
    const query = { filter: filter.peek(), plain: plainWords.peek(), sort: sort.peek(), reverse: reverse.peek() };
    const page = await api.flows({ ...query, offset: index, count: Math.min(1000, b - index + 1) });
    if (page.rows.length === 0) break;
    out.push(...page.rows.map((one) => one.id));
    index += page.rows.length - 1;
  }
  return out;
}
