/** Every action by name: keys, buttons, menus and the palette only call these. */
import { api } from "../api/client";
import { isSingle, nameOf, type Stroke } from "../lib/keys";
import { dialog, menu } from "./dialogs";
import { reread } from "./flow";
import { exportTarget } from "./export";
import { filter, focusAt, focusId, focusIndex, focusRow, moveFocus, newBelow, reveal, reverse, sendView, setFilter, setSort, shown } from "./list";
import * as prefs from "./prefs";
import { go, openFlow, openTab, replace, route, type View } from "./route";
import * as selection from "./selection";
import { online, option, setOption, state } from "./session";
import { paused } from "./session-counts";
import { attempt, say } from "./toast";
import { plural } from "../lib/format";

export interface Action {
  id: string;
  title: string;
  group: "Flows" | "Flow" | "Intercept" | "View" | "Go to" | "midwire";
  keys: readonly string[];
  /** Views in which the keys work; all where it is missing. */
  where?: readonly View[];
  /** Whether it needs the link to midwire. */
  live?: boolean;
  run: () => void;
}

/** Asks a text box by id to take the focus. */
function focusOn(id: string): void {
  const element = document.getElementById(id);
  if (!element) return;
  element.focus();
  if (element instanceof HTMLInputElement) element.select();
}

async function act(name: string, verb: string, more: Record<string, unknown> = {}): Promise<string[] | undefined> {
  const target = selection.target();
  if (!target) {
    say("No flow is selected.", "bad");
    return undefined;
  }
  const done = await attempt(verb, () => api.action(name, target, more));
  if (!done) return undefined;
  const failed = done.failed?.[0];
  if (failed) say(`${verb}: ${failed.error}${(done.failed?.length ?? 0) > 1 ? ` (and ${(done.failed?.length ?? 1) - 1} more)` : ""}`, "bad");
  else say(`${verb}: ${plural(done.done, "flow")}`);
  reread();
  return done.ids;
}

function confirmThen(title: string, text: string, verb: string, run: () => void): void {
  dialog.value = { kind: "confirm", title, text, verb, run };
}

function removeSelected(): void {
  const many = selection.targetCount();
  const run = () => {
    const index = focusIndex.peek();
    void act("delete", "Deleted").then(() => {
      selection.clear();
      setTimeout(() => focusAt(Math.min(index, shown.peek() - 1)), 120);
    });
  };
  if (many > 20) confirmThen("Delete flows", `Delete ${plural(many, "flow")}? This cannot be undone.`, "Delete", run);
  else run();
}

function step(by: number): void {
  moveFocus(by);
}

function extend(by: number): void {
  const from = focusIndex.peek();
  moveFocus(by);
  void selection.extendTo(focusIndex.peek(), Math.max(0, from));
}

export const TABS = ["error", "request", "response", "messages", "events", "timing", "connection", "history", "comment"] as const;

/** Tabs that the open flow has, set by the detail. */
export let tabsHere: readonly string[] = [];
export function setTabsHere(tabs: readonly string[]): void {
  tabsHere = tabs;
}

function tab(by: number): void {
  const id = openFlow.peek();
  if (!id || tabsHere.length === 0) return;
  const now = document.querySelector<HTMLElement>('[role="tab"][aria-selected="true"][data-tab]')?.dataset["tab"] ?? "";
  const at = tabsHere.indexOf(now);
  const next = tabsHere[(at + by + tabsHere.length) % tabsHere.length];
  if (next) replace("flows", id, next);
}

export function openDetail(id: string, which = openTab.peek() ?? "auto"): void {
  go("flows", id, which);
}

export function closeDetail(): void {
  go("flows");
  // Where the list was away, it comes back with the next frame, at the flow that was open.
  requestAnimationFrame(() => {
    focusOn("flow-grid");
    if (focusIndex.peek() >= 0) reveal.value = { index: focusIndex.peek() };
  });
}

function escape(): void {
  if (menu.peek()) menu.value = null;
  else if (dialog.peek()) dialog.value = null;
  else if (selection.count.peek() > 0) selection.clear();
  else if (route.peek().view !== "flows") go("flows");
  else if (openFlow.peek()) closeDetail();
  else if (filter.peek()) setFilter("");
}

function cycleLayout(): void {
  const order = ["right", "below", "full"] as const;
  prefs.layout.value = order[(order.indexOf(prefs.layout.peek()) + 1) % order.length] ?? "right";
  say(`Detail ${prefs.layout.peek() === "full" ? "in place of the list" : prefs.layout.peek()}`);
}

async function mark(): Promise<void> {
  const row = focusRow.peek();
  await act("mark", row?.marked && selection.count.peek() === 0 ? "Mark removed" : "Marked", { mark: row?.marked && selection.count.peek() === 0 ? "" : ":red_circle:" });
}

async function replay(): Promise<void> {
  const made = await act("replay", "Replayed");
  if (made?.length === 1 && made[0]) focusId.value = made[0];
}

function previousSame(): void {
  const row = focusRow.peek();
  if (!row) return;
  void attempt("Compare", async () => {
    const same = await api.flows({ filter: `~u "^${row.url.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("\\", "\\\\").replaceAll('"', '\\"')}$"`, plain: false, sort: "n", reverse: true, offset: 0, count: 1000 });
    const other = same.rows.find((one) => one.n < row.n);
    if (other) go("compare", other.id, row.id);
    else say("There is no earlier flow to this URL.", "bad");
  });
}

function compare(): void {
  const chosen = [...selection.ids.peek()];
  if (chosen.length === 2) go("compare", ...chosen);
  else if (chosen.length > 0) say("Comparing wants exactly two flows.", "bad");
  else previousSame();
}

const FLOWS: readonly View[] = ["flows"];

export const ACTIONS: readonly Action[] = [
  { id: "palette", title: "Command palette", group: "midwire", keys: ["Ctrl+P", "Ctrl+K", ":"], run: () => (dialog.value = { kind: "palette", text: "" }) },
  { id: "help", title: "Keys and help", group: "midwire", keys: ["?"], run: () => (dialog.value = { kind: "help" }) },
  { id: "escape", title: "Close the innermost thing, clear selection, clear filter", group: "midwire", keys: ["Escape", "q"], run: escape },
  { id: "settings", title: "Appearance and keys", group: "midwire", keys: [","], run: () => (dialog.value = { kind: "settings" }) },
  { id: "filter", title: "Filter the list", group: "Flows", keys: ["f"], run: () => { if (route.peek().view !== "flows") go("flows"); setTimeout(() => focusOn("filter-box")); } },
  { id: "find", title: "Find in the open body, else filter", group: "Flows", keys: ["/", "Ctrl+F"], where: FLOWS, run: () => (document.getElementById("body-find") ? focusOn("body-find") : focusOn("filter-box")) },
  { id: "down", title: "Next flow", group: "Flows", keys: ["j", "ArrowDown"], where: FLOWS, run: () => step(1) },
  { id: "up", title: "Previous flow", group: "Flows", keys: ["k", "ArrowUp"], where: FLOWS, run: () => step(-1) },
  { id: "page-down", title: "A page down", group: "Flows", keys: ["PageDown"], where: FLOWS, run: () => step(20) },
  { id: "page-up", title: "A page up", group: "Flows", keys: ["PageUp"], where: FLOWS, run: () => step(-20) },
  { id: "first", title: "First flow", group: "Flows", keys: ["g", "Home"], where: FLOWS, run: () => focusAt(0) },
  { id: "last", title: "Last flow", group: "Flows", keys: ["G", "End"], where: FLOWS, run: () => { focusAt(shown.peek() - 1); newBelow.value = 0; } },
  { id: "extend-down", title: "Extend the selection down", group: "Flows", keys: ["Shift+ArrowDown", "J"], where: FLOWS, run: () => extend(1) },
  { id: "extend-up", title: "Extend the selection up", group: "Flows", keys: ["Shift+ArrowUp", "K"], where: FLOWS, run: () => extend(-1) },
  { id: "select", title: "Select or unselect the flow", group: "Flows", keys: ["T", "Ctrl+Space"], where: FLOWS, run: () => { const id = focusId.peek(); if (id) selection.toggle(id, focusIndex.peek()); } },
  { id: "select-all", title: "Select all shown flows", group: "Flows", keys: ["*", "Ctrl+A"], where: FLOWS, run: selection.selectAll },
  { id: "open", title: "Open the flow", group: "Flows", keys: ["Enter", "P"], where: FLOWS, run: () => { const id = focusId.peek(); if (id) openDetail(id); } },
  { id: "next-in-flow", title: "Next flow, detail stays open", group: "Flow", keys: ["Space"], where: FLOWS, run: () => step(1) },
  { id: "previous-in-flow", title: "Previous flow, detail stays open", group: "Flow", keys: ["p"], where: FLOWS, run: () => step(-1) },
  { id: "tab-next", title: "Next tab of the flow", group: "Flow", keys: ["l", "ArrowRight"], where: FLOWS, run: () => tab(1) },
  { id: "tab-previous", title: "Previous tab of the flow", group: "Flow", keys: ["h", "ArrowLeft"], where: FLOWS, run: () => tab(-1) },
  { id: "order", title: "Sort by...", group: "Flows", keys: ["o"], where: FLOWS, run: () => (dialog.value = { kind: "palette", text: "sort by " }) },
  { id: "reverse", title: "Reverse the order", group: "Flows", keys: ["v"], where: FLOWS, run: () => { reverse.value = !reverse.peek(); sendView(); } },
  { id: "follow", title: "Follow the newest flow", group: "Flows", keys: ["F"], where: FLOWS, run: () => { prefs.follow.value = !prefs.follow.peek(); say(`Follow ${prefs.follow.peek() ? "on" : "off"}`); } },
  { id: "mark", title: "Mark or unmark", group: "Flows", keys: ["m"], where: FLOWS, live: true, run: () => void mark() },
  { id: "comment", title: "Comment...", group: "Flows", keys: [";"], where: FLOWS, live: true, run: () => (dialog.value = { kind: "comment" }) },
  { id: "replay", title: "Replay", group: "Flows", keys: ["r"], where: FLOWS, live: true, run: () => void replay() },
  { id: "duplicate", title: "Duplicate", group: "Flows", keys: ["D"], where: FLOWS, live: true, run: () => void act("duplicate", "Duplicated") },
  { id: "delete", title: "Delete", group: "Flows", keys: ["d", "Delete"], where: FLOWS, live: true, run: removeSelected },
  { id: "revert", title: "Revert edits", group: "Flow", keys: ["V"], where: FLOWS, live: true, run: () => void act("revert", "Reverted") },
  { id: "edit", title: "Edit", group: "Flow", keys: ["e"], where: FLOWS, live: true, run: () => document.querySelector<HTMLElement>("[data-edit]")?.click() },
  { id: "copy", title: "Copy as...", group: "Flow", keys: ["y", "Ctrl+C"], where: FLOWS, run: () => { if (focusId.peek()) dialog.value = { kind: "copy" }; } },
  { id: "export", title: "Export to a file...", group: "Flow", keys: ["x"], where: FLOWS, run: () => { if (focusId.peek()) dialog.value = { kind: "export" }; } },
  { id: "save-flows", title: "Save flows (selected, else shown) as a flow file", group: "Flows", keys: ["w"], where: FLOWS, run: () => exportTarget("flow") },
  { id: "save-har", title: "Save flows (selected, else shown) as HAR", group: "Flows", keys: [], where: FLOWS, run: () => exportTarget("har") },
  { id: "load", title: "Load a flow file or HAR...", group: "Flows", keys: ["L"], live: true, run: () => document.getElementById("load-file")?.click() },
  { id: "compare", title: "Compare two selected flows, or with the one before to this URL", group: "Flow", keys: ["="], where: FLOWS, run: compare },
  { id: "mock", title: "Mock this: a rule that answers with this response", group: "Flow", keys: ["M"], where: FLOWS, live: true, run: () => void act("mock", "Mocked").then((ids) => { if (ids) go("rules"); }) },
  { id: "compose-from", title: "Open the flow in Compose", group: "Flow", keys: ["C"], where: FLOWS, run: () => { const id = focusId.peek(); if (id) go("compose", id); } },
  { id: "highlight", title: "Highlight rows by a filter...", group: "Flows", keys: ["H"], where: FLOWS, run: () => (dialog.value = { kind: "highlight" }) },
  { id: "save-filter", title: "Save the filter...", group: "Flows", keys: ["s"], where: FLOWS, live: true, run: () => (dialog.value = { kind: "save-filter" }) },
  { id: "clear", title: "Delete all flows...", group: "Flows", keys: ["z"], where: FLOWS, live: true, run: () => confirmThen("Delete all flows", "Delete every flow and the event log? This cannot be undone.", "Delete all", () => void attempt("Clear", () => api.clear()).then(selection.clear)) },
  { id: "intercept", title: "Set the intercept filter...", group: "Intercept", keys: ["i"], live: true, run: () => (dialog.value = { kind: "intercept" }) },
  { id: "intercept-toggle", title: "Intercept on or off", group: "Intercept", keys: ["I"], live: true, run: () => void setOption("intercept_active", !(state.peek()?.intercept_active ?? option("intercept_active") === true)) },
  { id: "resume", title: "Resume the flow", group: "Intercept", keys: ["a"], where: FLOWS, live: true, run: () => void act("resume", "Resumed") },
  { id: "resume-all", title: "Resume all paused flows", group: "Intercept", keys: ["A"], live: true, run: () => { if (paused.peek() === 0) say("Nothing is paused."); else void attempt("Resume", () => api.action("resume", { filter: "~all", plain: false })).then((done) => done && say(`Resumed: ${plural(done.done, "flow")}`)); } },
  { id: "kill", title: "Kill the flow", group: "Intercept", keys: ["X"], where: FLOWS, live: true, run: () => void act("kill", "Killed") },
  { id: "layout", title: "Detail right, below, or alone", group: "View", keys: ["-"], where: FLOWS, run: cycleLayout },
  { id: "full", title: "Detail in a tab of its own", group: "View", keys: [], where: FLOWS, run: () => { const id = focusId.peek(); if (id) window.open(`#/flows/${encodeURIComponent(id)}/${openTab.peek() ?? "auto"}/full`, "_blank", "noopener"); } },
  { id: "columns", title: "Columns...", group: "View", keys: ["c"], where: FLOWS, run: () => (dialog.value = { kind: "columns" }) },
  { id: "mode-table", title: "List as a table", group: "View", keys: ["1"], where: FLOWS, run: () => (prefs.listMode.value = "table") },
  { id: "mode-waterfall", title: "List with waterfall", group: "View", keys: ["2"], where: FLOWS, run: () => (prefs.listMode.value = "waterfall") },
  { id: "mode-tree", title: "List as a tree of hosts and paths", group: "View", keys: ["3"], where: FLOWS, run: () => (prefs.listMode.value = "tree") },
  { id: "time-style", title: "Time: clock, since the first, since the one before", group: "View", keys: ["t"], where: FLOWS, run: () => { const order = ["clock", "first", "previous"] as const; prefs.timeStyle.value = order[(order.indexOf(prefs.timeStyle.peek()) + 1) % 3] ?? "clock"; } },
  { id: "plain", title: "Plain words in the filter on or off", group: "View", keys: [], run: () => { prefs.plainWords.value = !prefs.plainWords.peek(); sendView(); } },
  { id: "go-flows", title: "Flows", group: "Go to", keys: [], run: () => go("flows") },
  { id: "go-paused", title: "Paused", group: "Go to", keys: ["B"], run: () => go("paused") },
  { id: "go-search", title: "Find in all bodies", group: "Go to", keys: ["Ctrl+Shift+F"], run: () => go("search") },
  { id: "go-compose", title: "Compose a request", group: "Go to", keys: ["n"], run: () => go("compose") },
  { id: "go-rules", title: "Rules", group: "Go to", keys: ["R"], run: () => go("rules") },
  { id: "go-stats", title: "Stats", group: "Go to", keys: ["S"], run: () => go("stats") },
  { id: "go-connect", title: "Connect: proxy address, certificates, recipes", group: "Go to", keys: ["N"], run: () => go("connect") },
  { id: "go-events", title: "Event log", group: "Go to", keys: ["E"], run: () => go("events") },
  { id: "go-options", title: "Options", group: "Go to", keys: ["O"], run: () => go("options") },
  ...["n", "started", "method", "host", "path", "status", "kind", "size", "request_size", "duration", "ttfb", "proto"].map((column): Action => ({ id: `sort-${column}`, title: `Sort by ${column === "n" ? "number" : column === "kind" ? "type" : column === "started" ? "time" : column.replace("_", " ")}`, group: "Flows", keys: [], run: () => setSort(column) })),
];

const byId = new Map(ACTIONS.map((action) => [action.id, action]));

export function keysOf(id: string): string {
  return byId.get(id)?.keys[0] ?? "";
}

export function run(id: string): void {
  const action = byId.get(id);
  if (!action) return;
  if (action.live && !online.peek()) {
    say(`${action.title}: midwire does not answer, so this has to wait.`, "bad");
    return;
  }
  action.run();
}

/** The action for a key in a view, if its keys are on. */
export function actionFor(stroke: Stroke, view: View, singles: boolean): Action | undefined {
  const name = nameOf(stroke);
  if (isSingle(name) && !singles) return undefined;
  return ACTIONS.find((action) => action.keys.includes(name) && (!action.where || action.where.includes(view)));
}
