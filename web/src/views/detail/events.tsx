/** Events of a stream: SSE, token streams, NDJSON, gRPC messages. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { EventsPage, Flow, StreamEvent } from "../../api/types";
import { count, duration, visible } from "../../lib/format";
import { sentence } from "../../state/toast";
import { Button, Empty, Note } from "../../ui/controls";
import { BodyText } from "./body-text";

function label(key: string, value: unknown): string {
  if (typeof value === "number" && /time|token_s|first|seconds/.test(key) && !/per|rate/.test(key)) return duration(value);
  if (typeof value === "number") return Number.isInteger(value) ? count(value) : value.toFixed(1);
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function EventsTab({ flow, version }: { flow: Flow; version: number }) {
  const [page, setPage] = useState<EventsPage | null>(null);
  const [fault, setFault] = useState("");
  const [mode, setMode] = useState<"events" | "text">("events");
  const [chosen, setChosen] = useState<StreamEvent | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    api.events(flow.id, abort.signal).then((got) => { setPage(got); setFault(""); }).catch((error: unknown) => { if (!(error instanceof DOMException)) setFault(sentence(error)); });
    return () => abort.abort();
  }, [flow.id, version]);
  const text = useMemo(() => page?.text?.split("\n") ?? [], [page]);
  const one = useMemo(() => (chosen ? pretty(chosen.data).split("\n") : []), [chosen]);
  if (fault) return <Note role="bad">Events could not be read: {fault}.</Note>;
  if (!page) return <p class="pad dim">Reading…</p>;
  const start = flow.started;
  return (
    <div class="messages">
      <div class="body-bar">
        <span class="data">{page.kind} · {count(page.total)} events · {flow.state.includes("live") ? "open" : "done"}</span>
        {page.text !== null && page.text !== "" && (
          <span class="segments" role="group" aria-label="Show">
            <Button tone="quiet" pressed={mode === "events"} onClick={() => setMode("events")}>Events</Button>
            <Button tone="quiet" pressed={mode === "text"} onClick={() => setMode("text")}>Text</Button>
          </span>
        )}
      </div>
      {page.summary && Object.keys(page.summary).length > 0 && <p class="summary data">{Object.entries(page.summary).filter(([, value]) => value !== null).map(([key, value]) => <span><span class="dim">{key.replaceAll("_", " ")}</span> {visible(label(key, value)).slice(0, 300)}</span>)}</p>}
      {page.total === 0 ? <Empty title="No events yet" /> : mode === "text" ? <BodyText lines={text} syntax="" /> : (
        <div class="message-list data" role="listbox" tabIndex={0} aria-label="Events" onKeyDown={(event) => {
          const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          event.stopPropagation();
          const index = page.events.findIndex((other) => other.n === chosen?.n);
          setChosen(page.events[Math.max(0, Math.min(page.events.length - 1, index + by))] ?? null);
        }}>
          {page.events.slice(0, 400).map((event) => (
            <div class={`message-row event ${chosen?.n === event.n ? "focused" : ""}`} role="option" aria-selected={chosen?.n === event.n} onClick={() => setChosen(event)}>
              <span class="dim num">{event.n}</span>
              <span class="dim num">{event.time ? `+${duration(event.time - start)}` : ""}</span>
              <span>{visible(event.event ?? "message")}</span>
              <span class="dim">{event.id ? `id ${visible(event.id)}` : ""}</span>
              <span class="preview">{visible(event.data).slice(0, 300)}</span>
            </div>
          ))}
          {page.total > 400 && <p class="hint">The first 400 of {count(page.total)} events; the Response tab has all of the text.</p>}
        </div>
      )}
      {chosen && mode === "events" && <section class="message-body" aria-label={`Event ${chosen.n}`}><div class="body-bar"><b class="data">Event {chosen.n}</b><span class="push"><Button icon="close" tone="quiet" label="Close the event" onClick={() => setChosen(null)} /></span></div><BodyText lines={one} syntax="json" /></section>}
    </div>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
