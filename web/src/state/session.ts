/** What the page knows about the running midwire: state, options, log, saved filters. */
import { computed, signal } from "@preact/signals";
import { api, ApiError } from "../api/client";
import { link } from "../api/live";
import type { LogEvent, Option, OptionValue, SavedFilter, State } from "../api/types";
import { attempt, sentence } from "./toast";

export const signedOut = signal(false);
export const state = signal<State | null>(null);
export const options = signal<Option[]>([]);
export const filters = signal<SavedFilter[]>([]);
export const filterHelp = signal<[string, string][]>([]);
export const log = signal<LogEvent[]>([]);
/** Errors in the log that nobody has looked at yet. */
export const unseenErrors = signal(0);

/** Whether actions can reach midwire at all. */
export const online = computed(() => link.value.state === "open");

/** Lines of the log that the page keeps. */
const LOG_MAX = 2000;

let stateTimer: ReturnType<typeof setTimeout> | undefined;

/** Reads /state soon; many calls in a row make one request. */
export function refreshState(): void {
  clearTimeout(stateTimer);
  stateTimer = setTimeout(() => void readState(), 60);
}

async function readState(): Promise<void> {
  try {
    state.value = await api.state();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 0) console.warn(sentence(error));
  }
}

export async function readOptions(): Promise<void> {
  const read = await attempt("Options could not be read", () => api.options());
  if (read) options.value = read;
}

export function option(name: string): OptionValue | undefined {
  return options.value.find((one) => one.name === name)?.value;
}

export async function setOption(name: string, value: OptionValue): Promise<boolean> {
  const done = await attempt(name, () => api.setOptions({ [name]: value }));
  if (done === undefined) return false;
  options.value = options.peek().map((one) => (one.name === name ? { ...one, value, source: "here" } : one));
  refreshState();
  return true;
}

export function optionsChanged(changed: Record<string, OptionValue>): void {
  options.value = options.peek().map((one) => (one.name in changed ? { ...one, value: changed[one.name] ?? null, source: "here" } : one));
  refreshState();
}

export function addEvents(events: LogEvent[]): void {
  const known = new Set(log.peek().slice(-events.length * 2).map((event) => event.id));
  const fresh = events.filter((event) => !known.has(event.id));
  if (fresh.length === 0) return;
  log.value = [...log.peek(), ...fresh].slice(-LOG_MAX);
  unseenErrors.value += fresh.filter((event) => event.level === "error").length;
}

export async function readLog(): Promise<void> {
  try {
    const { events } = await api.log({ offset: 0, count: LOG_MAX });
    log.value = events.slice(-LOG_MAX);
  } catch {
    // The log is also pushed; an empty start is no fault to report.
  }
}

export async function saveFilters(list: SavedFilter[]): Promise<void> {
  const done = await attempt("Filters could not be saved", () => api.setFilters(list));
  if (done !== undefined) filters.value = list;
}

/** Everything that is read once after each connection. */
export function readAll(): void {
  refreshState();
  void readOptions();
  void readLog();
  api.filters().then((list) => (filters.value = list)).catch(() => {});
  if (filterHelp.peek().length === 0) {
    api.filterHelp().then((help) => (filterHelp.value = help.commands)).catch(() => {});
  }
}
