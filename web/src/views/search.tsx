/** Find in the bodies of all shown flows: hits stream in, it can be stopped. */
import { signal } from "@preact/signals";
import { send } from "../api/live";
import type { SearchHit, ServerMessage } from "../api/types";
import { count, plural, visible } from "../lib/format";
import { openDetail } from "../state/actions";
import { filter, shown, win } from "../state/list";
import { online } from "../state/session";
import { Button, Empty } from "../ui/controls";

const text = signal("");
const regex = signal(false);
const matchCase = signal(false);
const hits = signal<SearchHit[]>([]);
const progress = signal<{ done: boolean; scanned: number; undecodable: number } | null>(null);
let seq = 0;

/** Hits beyond this are counted, not listed. */
const LISTED = 300;

export function receiveSearch(message: Extract<ServerMessage, { type: "search" }>): void {
  if (message.seq !== seq) return;
  hits.value = [...hits.peek(), ...message.hits].slice(0, 5000);
  progress.value = { done: message.done, scanned: message.scanned, undecodable: message.undecodable };
}

function start(): void {
  seq++;
  hits.value = [];
  progress.value = text.peek() ? { done: false, scanned: 0, undecodable: 0 } : null;
  if (text.peek()) send({ type: "search", seq, text: text.peek(), regex: regex.peek(), case: matchCase.peek() });
  else send({ type: "search_stop" });
}

export function Search() {
  const now = progress.value;
  return (
    <div class="page scroll pad">
      <div class="page-head"><h2>Find in all bodies</h2><span class="dim">{filter.value ? <>in the {plural(shown.value, "flow")} that match <code class="data">{filter.value}</code></> : `in ${plural(shown.value, "flow")}`}</span></div>
      <form class="fields" onSubmit={(event) => { event.preventDefault(); start(); }}>
        <label class="field grow"><span>Text</span><input class="data" autofocus value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} /></label>
        <Button tone="quiet" pressed={regex.value} label="Regular expression" onClick={() => (regex.value = !regex.peek())}>.*</Button>
        <Button tone="quiet" pressed={matchCase.value} label="Match case" onClick={() => (matchCase.value = !matchCase.peek())}>Aa</Button>
        <Button tone="primary" type="submit" disabled={!online.value || !text.value}>Find</Button>
        {now && !now.done && <Button onClick={() => { seq++; send({ type: "search_stop" }); progress.value = { ...now, done: true }; }}>Stop</Button>}
      </form>
      <p class="data dim" role="status">{now ? `${plural(hits.value.reduce((sum, hit) => sum + hit.count, 0), "match", "matches")} in ${plural(hits.value.length, "body", "bodies")}; ${count(now.scanned)} of ${count(shown.value)} flows read${now.undecodable ? `, ${count(now.undecodable)} bodies could not be decoded` : ""}${now.done ? "." : "…"}` : ""}</p>
      {now && now.done && hits.value.length === 0 && <Empty title="No match" />}
      <ul class="pick-list hits" aria-label="Matches">
        {hits.value.slice(0, LISTED).map((hit) => {
          const row = win.value.rows.find((one) => one.id === hit.id);
          return <li><button type="button" class="pick" onClick={() => openDetail(hit.id, hit.part === "request" || hit.part === "response" ? hit.part : "messages")}><span class="data">{row ? `#${row.n} ${row.method} ${visible(row.host)}${visible(row.path).slice(0, 80)}` : "flow"} <span class="dim">{hit.part}, {plural(hit.count, "match", "matches")}</span></span><code class="data preview">{visible(hit.preview)}</code></button></li>;
        })}
      </ul>
      {hits.value.length > LISTED && <p class="hint">The first {LISTED} of {count(hits.value.length)} bodies.</p>}
    </div>
  );
}
