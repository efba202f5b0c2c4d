/** Numbers by host, path, status, type or client. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { StatsRow } from "../api/types";
import { and, literal } from "../lib/filter";
import { bytes, count, duration, visible } from "../lib/format";
import { filter, setFilter, total } from "../state/list";
import { go } from "../state/route";
import { plainWords } from "../state/prefs";
import { sentence } from "../state/toast";
import { Button, Empty, Note } from "../ui/controls";

const BY = ["host", "path", "status", "type", "client"] as const;
type Key = keyof StatsRow;
const COLUMNS: readonly [Key, string][] = [["count", "Flows"], ["errors", "Errors"], ["bytes_up", "Sent"], ["bytes_down", "Received"], ["p50", "p50"], ["p95", "p95"], ["max", "Max"]];

function term(by: string, key: string): string | null {
  switch (by) {
    case "host": return `~d ${literal(key)}`;
    case "status": return /^\d+$/.test(key) ? `~c ${key}` : "~e";
    case "type": return `~ts ${literal(key)}`;
    case "client": return `~src ${literal(key)}`;
    default: return `~u "${key.replace(/^[^/]*/, "").split(/\{\w+\}/).map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[^/?]+").replaceAll("\\", "\\\\")}"`;
  }
}

export function Stats() {
  const [by, setBy] = useState<(typeof BY)[number]>("host");
  const [rows, setRows] = useState<StatsRow[] | null>(null);
  const [fault, setFault] = useState("");
  const [sort, setSort] = useState<[Key, boolean]>(["count", true]);
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => api.stats({ by, filter: filter.peek(), plain: plainWords.peek() }, abort.signal).then((got) => { setRows(got.rows); setFault(""); }).catch((error: unknown) => { if (!(error instanceof DOMException)) setFault(sentence(error)); }), rows ? 400 : 0);
    return () => { clearTimeout(timer); abort.abort(); };
  }, [by, filter.value, total.value]);
  const [key, down] = sort;
  const list = rows ? [...rows].sort((a, b) => {
    const x = a[key] ?? -1;
    const y = b[key] ?? -1;
    const order = typeof x === "string" || typeof y === "string" ? String(x).localeCompare(String(y)) : x - y;
    return down ? -order : order;
  }) : [];
  const most = Math.max(1, ...list.map((row) => row.count));
  const head = (name: Key, title: string) => (
    <th scope="col" class={name === "key" ? "" : "num"} aria-sort={key === name ? (down ? "descending" : "ascending") : "none"}>
      <button type="button" onClick={() => setSort([name, key === name ? !down : name !== "key"])}>{title}{key === name && <span class="arrow" aria-hidden="true">{down ? "▼" : "▲"}</span>}</button>
    </th>
  );
  return (
    <div class="page scroll pad">
      <div class="page-head">
        <h2>Stats</h2>
        <span class="segments" role="group" aria-label="Group by">{BY.map((one) => <Button tone="quiet" pressed={by === one} onClick={() => setBy(one)}>{one}</Button>)}</span>
        {filter.value && <span class="dim">only flows that match <code class="data">{filter.value}</code></span>}
      </div>
      {fault && <Note role="bad">{fault}</Note>}
      {rows && list.length === 0 && <Empty title="No flows to count" />}
      {list.length > 0 && (
        <table class="stats data">
          <thead><tr>{head("key", by)}{COLUMNS.map(([name, title]) => head(name, title))}</tr></thead>
          <tbody>
            {list.slice(0, 300).map((row) => (
              <tr>
                <th scope="row"><button type="button" class="link" title="Show these flows" onClick={() => { const one = term(by, row.key); if (one) setFilter(and(filter.peek(), one)); go("flows"); }}>{visible(row.key) || "(none)"}</button></th>
                <td class="num"><span class="share" aria-hidden="true" style={{ width: `${(row.count / most) * 100}%` }} />{count(row.count)}</td>
                <td class={row.errors ? "num bad" : "num dim"}>{row.errors ? `! ${count(row.errors)}` : "0"}</td>
                <td class="num">{bytes(row.bytes_up)}</td><td class="num">{bytes(row.bytes_down)}</td>
                <td class="num">{duration(row.p50)}</td><td class="num">{duration(row.p95)}</td><td class="num">{duration(row.max)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {list.length > 300 && <p class="hint">The first 300 of {count(list.length)}.</p>}
    </div>
  );
}
