/** Everything that waits at a breakpoint: list, editor with diff, resume and kill. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Flow, Row } from "../api/types";
import { visible } from "../lib/format";
import { changed } from "../state/flow";
import { win } from "../state/list";
import { online, state } from "../state/session";
import { paused } from "../state/session-counts";
import { attempt, say } from "../state/toast";
import { run } from "../state/actions";
import { Age, Button, Empty } from "../ui/controls";
import { Editor } from "./detail/editor";

const side = (row: Row): "request" | "response" => (row.state.includes("paused_response") ? "response" : "request");

export function Paused() {
  const [rows, setRows] = useState<Row[] | null>(null);
  const [chosen, setChosen] = useState<string | null>(null);
  const [flow, setFlow] = useState<Flow | null>(null);
  const read = () => void attempt("Paused flows", () => api.flows({ state: "paused", count: 500 })).then((page) => page && setRows(page.rows.filter((row) => row.state.some((one) => one.startsWith("paused")))));
  useEffect(read, [paused.value, online.value, win.value.rows.length]);
  const current = rows?.find((row) => row.id === chosen) ?? rows?.[0] ?? null;
  const id = current?.id ?? null;
  const at = current ? side(current) : "request";
  useEffect(() => {
    setFlow(null);
    if (!id) return;
    const abort = new AbortController();
    api.flow(id, abort.signal).then(setFlow).catch(() => {});
    return () => abort.abort();
  }, [id, at]);
  if (!rows) return <Empty title="Reading…" />;
  const filter = state.value?.intercept;
  if (rows.length === 0) {
    return (
      <Empty title="Nothing is paused">
        <p>{filter ? <>Flows that match <code class="data">{filter}</code> will wait here{state.value?.intercept_active ? "" : "; intercepting is off now"}.</> : "Set an intercept filter, and what it matches waits here until you resume it."}</p>
        <p><Button tone="primary" keys="i" onClick={() => run("intercept")}>Set the intercept filter</Button></p>
      </Empty>
    );
  }
  const act = async (name: "resume" | "kill", ids: string[]) => {
    const done = await attempt(name === "resume" ? "Resume" : "Kill", () => api.action(name, { ids }));
    if (!done) return;
    say(`${name === "resume" ? "Resumed" : "Killed"} ${done.done}`);
    ids.forEach(changed);
    setRows((before) => before?.filter((row) => !ids.includes(row.id)) ?? null);
    setTimeout(read, 200);
  };
  return (
    <div class="page two-pane">
      <div class="paused-list">
        <div class="body-bar"><b>{rows.length} paused</b><span class="push"><Button icon="play" disabled={!online.value} onClick={() => void act("resume", rows.map((row) => row.id))}>Resume all</Button></span></div>
        <ul class="pick-list" aria-label="Paused flows">
          {rows.map((row) => (
            <li>
              <button type="button" class={row.id === id ? "pick chosen" : "pick"} aria-current={row.id === id ? "true" : undefined} onClick={() => setChosen(row.id)}>
                <span class="data"><span class="paused">‖</span> <b>{visible(row.method)}</b> {visible(row.host)}</span>
                <span class="data path-line">{visible(row.path)}</span>
                <span class="dim">at {side(row)}, <Age since={row.started} /></span>
              </button>
            </li>
          ))}
        </ul>
      </div>
      <div class="paused-edit">
        {flow && current ? (
          <Editor key={`${flow.id}-${at}`} flow={flow} part={at} onDone={() => {}} paused={(save) => (
            <>
              <Button tone="primary" icon="play" disabled={!online.value} onClick={() => void save().then((ok) => { if (ok) void act("resume", [flow.id]); })}>Resume as edited</Button>
              <Button disabled={!online.value} onClick={() => void attempt("Undo", () => api.action("revert", { ids: [flow.id] })).then(() => { setFlow(null); void api.flow(flow.id).then(setFlow); })}>Undo edits</Button>
              <Button tone="danger" disabled={!online.value} onClick={() => void act("kill", [flow.id])}>Kill</Button>
              <span class="dim">paused at {at}</span>
            </>
          )} />
        ) : <p class="pad dim">Reading…</p>}
      </div>
    </div>
  );
}
