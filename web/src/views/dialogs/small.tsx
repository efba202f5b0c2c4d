/** Small dialogs: comment, intercept, highlight, save filter, columns, settings, confirm, inject. */
import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { api } from "../../api/client";
import { change, move } from "../list/header";
import { currentColumns } from "../list/current";
import { close } from "../../state/dialogs";
import { open, reread } from "../../state/flow";
import { filter, focusRow, highlight, setHighlight } from "../../state/list";
import { density, layout, singleKeys, theme, THEMES } from "../../state/prefs";
import * as selection from "../../state/selection";
import { filters, saveFilters, setOption, state } from "../../state/session";
import { attempt, say } from "../../state/toast";
import { plural } from "../../lib/format";
import { Button, Note } from "../../ui/controls";
import { Dialog } from "../../ui/dialog";

function Ask({ title, label, start, verb, about, onDone }: { title: string; label: string; start: string; verb: string; about?: ComponentChildren; onDone: (text: string) => void | Promise<string | void> }) {
  const [text, setText] = useState(start);
  const [fault, setFault] = useState("");
  const done = async () => {
    const refused = await onDone(text);
    if (refused) setFault(refused);
    else close();
  };
  return (
    <Dialog title={title} footer={<><Button tone="primary" onClick={() => void done()}>{verb}</Button><Button onClick={close}>Cancel</Button></>}>
      <form class="pad" onSubmit={(event) => { event.preventDefault(); void done(); }}>
        <label class="field"><span>{label}</span><input class="data" data-first value={text} onInput={(event) => setText(event.currentTarget.value)} spellcheck={false} /></label>
        {about && <p class="dim">{about}</p>}
        {fault && <Note role="bad">{fault}</Note>}
      </form>
    </Dialog>
  );
}

export function CommentDialog() {
  return <Ask title={`Comment on ${plural(selection.targetCount(), "flow")}`} label="Comment" start={focusRow.peek()?.comment ?? ""} verb="Save" onDone={(comment) => {
    const target = selection.target();
    if (target) void attempt("Comment", () => api.action("comment", target, { comment })).then(reread);
  }} />;
}

export function InterceptDialog() {
  const now = state.peek();
  return <Ask title="Intercept" label="Flows that match wait for you" start={now?.intercept ?? ""} verb="Set" about={<>For example <code class="data">~u /login & ~q</code> (requests only) or <code class="data">~d api.example.com & ~s</code> (responses only). Empty: nothing is paused.</>} onDone={async (text) => {
    try {
      await api.setOptions({ intercept: text || null });
      if (text && !state.peek()?.intercept_active) await setOption("intercept_active", true);
      say(text ? `Intercepting ${text}` : "Intercepting nothing");
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }} />;
}

export function HighlightDialog() {
  return <Ask title="Highlight rows" label="Filter expression" start={highlight.peek()} verb="Highlight" about="Rows that match are tinted and carry a bar at their left edge. Empty: none." onDone={(text) => setHighlight(text)} />;
}

export function SaveFilterDialog() {
  return <Ask title="Save the filter" label="Name" start="" verb="Save" about={<>Saves <code class="data">{filter.peek() || "~all"}</code>{highlight.peek() ? " with its highlight" : ""}.</>} onDone={(name) => {
    if (!name.trim()) return Promise.resolve("a name is wanted");
    void saveFilters([...filters.peek().filter((one) => one.name !== name.trim()), { name: name.trim(), expr: filter.peek() || "~all", highlight: highlight.peek() || null, key: null }]);
    return undefined;
  }} />;
}

export function ConfirmDialog({ title, text, verb, run }: { title: string; text: string; verb: string; run: () => void }) {
  return (
    <Dialog title={title} footer={<><Button tone="danger" data-first onClick={() => { close(); run(); }}>{verb}</Button><Button onClick={close}>Cancel</Button></>}>
      <p class="pad">{text}</p>
    </Dialog>
  );
}

export function ColumnsDialog() {
  const all = currentColumns();
  return (
    <Dialog title="Columns" footer={<Button tone="primary" onClick={close}>Done</Button>}>
      <ul class="column-list">
        {all.map((column, i) => (
          <li>
            <label><input type="checkbox" data-first={i === 0 ? true : undefined} checked={column.shown} onChange={(event) => { const shown = event.currentTarget.checked; change(column.id, () => ({ shown })); }} /> <b>{column.title || "Marks"}</b> <span class="dim">{column.about}</span></label>
            <span class="push"><Button icon="up" tone="quiet" label={`Move ${column.title || "marks"} left`} disabled={i === 0} onClick={() => { const other = all[i - 1]; if (other) move(column.id, other.id); }} /><Button icon="down" tone="quiet" label={`Move ${column.title || "marks"} right`} disabled={i === all.length - 1} onClick={() => { const other = all[i + 1]; if (other) move(column.id, other.id); }} /></span>
          </li>
        ))}
      </ul>
      <p class="hint">Narrow windows leave out columns by themselves; method, host, path and status always stay.</p>
    </Dialog>
  );
}

export function SettingsDialog() {
  return (
    <Dialog title="Appearance and keys" footer={<Button tone="primary" onClick={close}>Done</Button>}>
      <div class="pad settings">
        <label class="field"><span>Theme</span><select data-first value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as (typeof THEMES)[number])}>{THEMES.map((one) => <option value={one}>{one}</option>)}</select></label>
        <label class="field"><span>Row density</span><select value={density.value} onChange={(event) => (density.value = event.currentTarget.value as "compact")}>{["compact", "normal", "roomy"].map((one) => <option value={one}>{one}</option>)}</select></label>
        <label class="field"><span>Detail</span><select value={layout.value} onChange={(event) => (layout.value = event.currentTarget.value as "right")}><option value="right">right of the list</option><option value="below">below the list</option><option value="full">in place of the list</option></select></label>
        <label class="check"><input type="checkbox" checked={singleKeys.value} onChange={(event) => (singleKeys.value = event.currentTarget.checked)} /> Single-letter keys <span class="dim">Turn off if they clash with a screen reader or voice control.</span></label>
      </div>
    </Dialog>
  );
}

export function InjectDialog() {
  const [text, setText] = useState("");
  const [toClient, setToClient] = useState(true);
  const id = open.peek()?.id;
  const send = () => { if (id) void attempt("Inject", () => api.inject(id, { to_client: toClient, text })).then((done) => { if (done !== undefined) { say("Injected"); close(); reread(); } }); };
  return (
    <Dialog title="Inject a message" footer={<><Button tone="primary" onClick={send}>Inject</Button><Button onClick={close}>Cancel</Button></>}>
      <div class="pad">
        <label class="field"><span>To</span><select value={toClient ? "client" : "server"} onChange={(event) => setToClient(event.currentTarget.value === "client")}><option value="client">the client</option><option value="server">the server</option></select></label>
        <label class="field"><span>Message</span><textarea class="data" data-first rows={6} value={text} onInput={(event) => setText(event.currentTarget.value)} /></label>
      </div>
    </Dialog>
  );
}
