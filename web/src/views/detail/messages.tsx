/** Messages of WebSocket, TCP and UDP flows: a list, and the chosen message in any view. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { BodyView, Flow, FlowMessage } from "../../api/types";
import { bytes, clock, count, duration, visible } from "../../lib/format";
import { slice } from "../../lib/virtual";
import { dialog } from "../../state/dialogs";
import { copyText } from "../../state/export";
import { online } from "../../state/session";
import { attempt, sentence } from "../../state/toast";
import { Button, Empty, Note, useWidth } from "../../ui/controls";
import { BodyText } from "./body-text";

const ROW = 24;
/** Messages fetched at once. */
const PAGE = 500;

const CLOSE_CODES: Readonly<Record<number, string>> = {
  1000: "normal", 1001: "going away", 1002: "protocol error", 1003: "unsupported data", 1005: "no status", 1006: "abnormal", 1007: "invalid data", 1008: "policy violation", 1009: "too big", 1010: "extension missing", 1011: "server error", 1012: "restart", 1013: "try again later", 1015: "TLS failed",
};

export function MessagesTab({ flow, version }: { flow: Flow; version: number }) {
  const [box, , height] = useWidth<HTMLDivElement>();
  const [top, setTop] = useState(0);
  const [pages, setPages] = useState<ReadonlyMap<number, FlowMessage[]>>(new Map());
  const [totals, setTotals] = useState({ total: flow.messages ?? 0, evicted: 0 });
  const [chosen, setChosen] = useState<FlowMessage | null>(null);
  const [side, setSide] = useState<"both" | "client" | "server">("both");
  const [text, setText] = useState("");
  const [fault, setFault] = useState("");
  const filtering = side !== "both" || text !== "";
  const list = useMemo(() => {
    if (!filtering) return null;
    const needle = text.toLowerCase();
    return [...pages.values()].flat().filter((one) => (side === "both" || one.from_client === (side === "client")) && (!needle || one.preview.toLowerCase().includes(needle)));
  }, [pages, side, text]);
  const total = list ? list.length : totals.total;
  const part = slice(top, Math.max(height, 100), ROW, total, 10);
  const firstPage = Math.floor(part.first / PAGE);
  const lastPage = Math.floor(Math.max(0, part.end - 1) / PAGE);

  useEffect(() => {
    const abort = new AbortController();
    const wanted = filtering ? Array.from({ length: Math.min(20, Math.ceil(totals.total / PAGE)) }, (_, i) => i) : [...new Set([firstPage, lastPage])];
    for (const page of wanted) {
      const have = pages.get(page);
      const full = have && have.length === PAGE;
      if (full || (have && filtering && page !== Math.floor((totals.total - 1) / PAGE))) continue;
      api.messages(flow.id, page * PAGE, PAGE, abort.signal)
        .then((got) => {
          setTotals({ total: got.total, evicted: Number(got.evicted) });
          setPages((before) => new Map(before).set(page, got.messages));
        })
        .catch((error: unknown) => { if (!(error instanceof DOMException)) setFault(sentence(error)); });
    }
    return () => abort.abort();
  }, [flow.id, version, firstPage, lastPage, filtering]);

  const at = (index: number) => (list ? list[index] : pages.get(Math.floor(index / PAGE))?.[index % PAGE]);
  const meta = flow.messages_meta;
  const end = flow.websocket;
  const key = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 20, PageUp: -20 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    let index = -1;
    for (let i = 0; i < total; i++) if (at(i) === chosen || (chosen && at(i)?.n === chosen.n)) { index = i; break; }
    const next = at(Math.max(0, Math.min(total - 1, index + by)));
    if (next) setChosen(next);
    const element = box.current;
    if (element && index >= 0) element.scrollTop = Math.max(0, (index + by) * ROW - element.clientHeight / 2);
  };
  return (
    <div class="messages">
      <div class="body-bar">
        <span class="data">{count(totals.total)} messages{meta ? `, ↑ ${bytes(meta.to_server)}, ↓ ${bytes(meta.to_client)}` : ""}</span>
        <span class="segments" role="group" aria-label="Direction">
          {(["both", "client", "server"] as const).map((one) => <Button tone="quiet" pressed={side === one} onClick={() => setSide(one)}>{one === "both" ? "all" : one === "client" ? "↑ sent" : "↓ received"}</Button>)}
        </span>
        <input class="data small-input" type="text" placeholder="Filter messages" aria-label="Filter messages" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <span class="push"><Button icon="plus" tone="quiet" disabled={!online.value || !flow.state.includes("live")} title={flow.state.includes("live") ? undefined : "The connection is closed"} onClick={() => (dialog.value = { kind: "inject" })}>Inject</Button></span>
      </div>
      {totals.evicted > 0 && <Note>The oldest {count(totals.evicted)} messages were evicted to stay within the memory limit.</Note>}
      {fault && <Note role="bad">Messages could not be read: {fault}.</Note>}
      {total === 0 ? <Empty title={filtering ? "No message matches" : "No messages yet"} /> : (
        <div ref={box} class="message-list data" role="listbox" tabIndex={0} aria-label="Messages" aria-activedescendant={chosen ? `message-${chosen.n}` : undefined} onScroll={(event) => setTop(event.currentTarget.scrollTop)} onKeyDown={key}>
          <div style={{ height: `${part.height}px` }} role="presentation">
            <div style={{ transform: `translateY(${part.top}px)` }} role="presentation">
              {Array.from({ length: part.end - part.first }, (_, i) => {
                const one = at(part.first + i);
                const before = at(part.first + i - 1);
                if (!one) return <div class="message-row dim" role="presentation">…</div>;
                return (
                  <div id={`message-${one.n}`} class={`message-row ${chosen?.n === one.n ? "focused" : ""}`} role="option" aria-selected={chosen?.n === one.n} onClick={() => setChosen(one)}>
                    <span class="dim num">{one.n}</span>
                    <span class={one.from_client ? "up" : "down"}>{one.from_client ? "↑ sent" : "↓ recv"}</span>
                    <span class="dim">{clock(one.time, true)}</span>
                    <span class="dim num">{before ? `+${duration(one.time - before.time)}` : ""}</span>
                    <span>{one.opcode ?? ""}</span>
                    <span class="num">{bytes(one.size)}</span>
                    <span class="preview">{one.injected && <b class="tag">injected</b>}{one.dropped && <b class="tag bad">dropped</b>}{visible(one.preview)}</span>
                  </div>
                );
              })}
            </div>
          </div>
        </div>
      )}
      {end && end.close_code !== null && <p class="close-line data">Closed by the {end.closed_by_client ? "client" : "server"}: {end.close_code} {CLOSE_CODES[end.close_code] ?? ""} {end.close_reason ? visible(end.close_reason) : ""}</p>}
      {chosen && <MessageBody flow={flow} message={chosen} onClose={() => setChosen(null)} />}
    </div>
  );
}

function MessageBody({ flow, message, onClose }: { flow: Flow; message: FlowMessage; onClose: () => void }) {
  const [view, setView] = useState<BodyView | null>(null);
  const [fault, setFault] = useState("");
  useEffect(() => {
    const abort = new AbortController();
    setFault("");
    api.view(flow.id, `messages/${message.n}`, { name: "auto" }, abort.signal).then(setView).catch((error: unknown) => { if (!(error instanceof DOMException)) setFault(sentence(error)); });
    return () => abort.abort();
  }, [flow.id, message.n]);
  const lines = useMemo(() => view?.text.split("\n") ?? [], [view]);
  const resend = (toClient: boolean) => void attempt("Resend", async () => {
    const body = await api.content(flow.id, `messages/${message.n}`);
    let raw = "";
    for (const byte of body) raw += String.fromCharCode(byte);
    await api.inject(flow.id, message.opcode === "text" ? { to_client: toClient, text: new TextDecoder().decode(body) } : { to_client: toClient, base64: btoa(raw) });
  });
  return (
    <section class="message-body" aria-label={`Message ${message.n}`}>
      <div class="body-bar">
        <b class="data">Message {message.n}</b>
        <span class="dim">{view?.name}</span>
        <span class="push">
          <Button tone="quiet" disabled={!online.value || !flow.state.includes("live")} onClick={() => resend(!message.from_client)}>Resend</Button>
          <Button icon="copy" tone="quiet" label="Copy the message" onClick={() => void copyText(view?.text ?? message.preview, "the message")} />
          <a class="button quiet" href={api.contentUrl(flow.id, `messages/${message.n}`, { download: 1 })} download><span>Save</span></a>
          <Button icon="close" tone="quiet" label="Close the message" onClick={onClose} />
        </span>
      </div>
      {fault ? <Note role="bad">The message could not be shown: {fault}.</Note> : <BodyText lines={lines} syntax={`${view?.syntax ?? ""} ${view?.name ?? ""}`} />}
    </section>
  );
}
