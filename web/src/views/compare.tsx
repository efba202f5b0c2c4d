/** Two flows side by side, or a flow and its state before edits. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Change, Diff, Row } from "../api/types";
import { plural, visible } from "../lib/format";
import { ignored } from "../state/prefs";
import { route } from "../state/route";
import { sentence } from "../state/toast";
import { Button, Empty, Note } from "../ui/controls";

const GLYPHS: Readonly<Record<string, string>> = { same: "=", changed: "~", added: "+", removed: "−" };

function text(value: unknown): string {
  if (value === undefined || value === null) return "";
  return visible(typeof value === "string" ? value : JSON.stringify(value));
}

export function ignores(list: string): (name: string) => boolean {
  const words = list.split(",").map((word) => word.trim().toLowerCase()).filter(Boolean);
  return (name) => words.some((word) => name.toLowerCase() === word || (word.startsWith(".") && name.toLowerCase().startsWith(word)));
}

export function Compare() {
  const [a, b] = route.value.args;
  const [part, setPart] = useState<"request" | "response">("response");
  const [diff, setDiff] = useState<Diff | null>(null);
  const [rows, setRows] = useState<(Row | null)[]>([null, null]);
  const [fault, setFault] = useState("");
  const [all, setAll] = useState(false);
  const original = a !== undefined && a === b;
  useEffect(() => {
    if (!a || !b) return;
    const abort = new AbortController();
    setFault("");
    api.diff({ a, b, part, original: original ? 1 : null }, abort.signal).then(setDiff).catch((error: unknown) => { if (!(error instanceof DOMException)) { setFault(sentence(error)); setDiff(null); } });
    void Promise.all([a, b].map((id) => api.flow(id, abort.signal).catch(() => null))).then(setRows);
    return () => abort.abort();
  }, [a, b, part]);
  if (!a || !b) return <Empty title="Nothing to compare"><p>Select two flows in the list and press <kbd>=</kbd>; with none selected, a flow is compared with the one before to the same URL.</p></Empty>;
  const drop = ignores(ignored.value);
  const title = (i: number) => (original && i === 0 ? "before edits" : rows[i] ? `#${rows[i]?.n} ${rows[i]?.method} ${rows[i]?.path}` : (i === 0 ? a : b));
  const headers = diff?.headers.filter((one) => !drop(one.name ?? "")) ?? [];
  const body = diff?.body.changes.filter((one) => !drop(one.path ?? "")) ?? [];
  const left = (diff?.headers.length ?? 0) - headers.length + (diff?.body.changes.length ?? 0) - body.length;
  const jump = (by: number) => {
    const marks = [...document.querySelectorAll<HTMLElement>(".compare .change:not(.same)")];
    const at = marks.indexOf(document.activeElement as HTMLElement);
    marks[(at + by + marks.length) % marks.length]?.focus();
  };
  return (
    <div class="page scroll pad compare" onKeyDown={(event) => { if (event.target instanceof HTMLInputElement) return; if (event.key === "n" || event.key === "N") { event.preventDefault(); event.stopPropagation(); jump(event.key === "n" ? 1 : -1); } }}>
      <div class="page-head">
        <h2>Compare</h2>
        <span class="segments" role="group" aria-label="Part">
          <Button tone="quiet" pressed={part === "request"} onClick={() => setPart("request")}>Request</Button>
          <Button tone="quiet" pressed={part === "response"} onClick={() => setPart("response")}>Response</Button>
        </span>
        <Button tone="quiet" pressed={all} onClick={() => setAll(!all)}>equal lines too</Button>
        <span class="push"><Button tone="quiet" keys="n" onClick={() => jump(1)}>Next difference</Button></span>
        <label class="inline">Ignore <input class="data" value={ignored.value} onInput={(event) => (ignored.value = event.currentTarget.value)} /></label>
      </div>
      <div class="compare-titles data"><a href={`#/flows/${encodeURIComponent(a)}/${part}`}>{visible(title(0) ?? "")}</a><a href={`#/flows/${encodeURIComponent(b)}/${part}`}>{visible(title(1) ?? "")}</a></div>
      {fault && <Note role="bad">{fault}</Note>}
      {diff && (
        <>
          <Changes title="First line" list={diff.head} all={all} name={(one) => one.name ?? ""} />
          <Changes title="Headers" list={headers} all={all} name={(one) => one.name ?? ""} />
          <Changes title={`Body, by ${diff.body.kind === "json" ? "JSON structure" : diff.body.kind}`} list={body} all={all} name={(one) => one.path ?? (one.line === undefined ? "" : String(one.line))} equal={diff.body.equal} />
          {diff.body.truncated && <Note role="info">Only the first differences are listed.</Note>}
          {left > 0 && <p class="dim">{plural(left, "difference")} ignored by name.</p>}
        </>
      )}
    </div>
  );
}

function Changes({ title, list, all, name, equal }: { title: string; list: readonly Change[]; all: boolean; name: (change: Change) => string; equal?: number }) {
  const shown = all ? list : list.filter((one) => one.op !== "same");
  const same = equal ?? list.length - list.filter((one) => one.op !== "same").length;
  return (
    <section>
      <h3>{title} <span class="dim">{plural(list.length - (equal === undefined ? same : 0), "difference")}, {same} equal</span></h3>
      {shown.length > 0 && (
        <table class="changes data"><tbody>
          {shown.slice(0, 500).map((one) => (
            <tr class={`change ${one.op}`} tabIndex={one.op === "same" ? undefined : 0}>
              <td class="diff-sign" title={one.op}>{GLYPHS[one.op] ?? "~"}</td>
              <th scope="row">{text(name(one))}</th>
              <td class="left">{text(one.left)}</td>
              <td class="right">{text(one.right)}</td>
            </tr>
          ))}
        </tbody></table>
      )}
    </section>
  );
}
