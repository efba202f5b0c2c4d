/** Edits a request or response in place: first line, headers as rows, body as text or from a file. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { Flow, HeaderPair, Part } from "../../api/types";
import { around, diffLines } from "../../lib/diff";
import { bytes, count, visible } from "../../lib/format";
import { reread } from "../../state/flow";
import { attempt, say, sentence } from "../../state/toast";
import { Button, Note } from "../../ui/controls";
import { HeaderRows } from "./header-rows";

/** Larger bodies are not put into a text box. */
const TEXT_MAX = 2_000_000;

interface Draft {
  method: string;
  url: string;
  version: string;
  status: string;
  reason: string;
  headers: HeaderPair[];
}

export function draftOf(flow: Flow, part: Part): Draft {
  const request = flow.request;
  const response = flow.response;
  const message = flow[part];
  return {
    method: request?.method ?? "", url: flow.url, version: message?.http_version ?? "HTTP/1.1", status: String(response?.status ?? 200), reason: response?.reason ?? (response ? "" : "OK"),
    headers: (message?.headers ?? []).map(([name, value]): HeaderPair => [name, value]),
  };
}

/** Only what differs is sent. */
export function changesOf(flow: Flow, part: Part, draft: Draft, body: { text: string | null; base64: string | null }): Record<string, unknown> | string {
  const before = draftOf(flow, part);
  const out: Record<string, unknown> = {};
  if (part === "request") {
    if (draft.method !== before.method) out["method"] = draft.method;
    if (draft.url !== before.url) {
      const parts = /^(https?|wss?):\/\/(\[[^\]]+\]|[^/:?#]+)(?::(\d+))?(.*)$/i.exec(draft.url);
      if (!parts) return "the URL needs a scheme and a host";
      const scheme = (parts[1] ?? "http").toLowerCase().replace("ws", "http");
      out["scheme"] = scheme;
      out["host"] = (parts[2] ?? "").replace(/^\[|\]$/g, "");
      out["port"] = parts[3] ? Number(parts[3]) : scheme === "https" ? 443 : 80;
      out["path"] = parts[4]?.startsWith("/") ? parts[4] : `/${parts[4] ?? ""}`;
    }
  } else {
    if (!/^\d{3}$/.test(draft.status)) return "the status is a number of three digits";
    if (draft.status !== before.status || !flow.response) out["code"] = Number(draft.status);
    if (draft.reason !== before.reason) out["reason"] = draft.reason;
  }
  if (draft.version !== before.version) out["http_version"] = draft.version;
  if (JSON.stringify(draft.headers) !== JSON.stringify(before.headers)) out["headers"] = draft.headers.filter(([name]) => name !== "");
  if (body.base64 !== null) out["content_base64"] = body.base64;
  else if (body.text !== null) out["content"] = body.text;
  return out;
}

export async function fileAsBase64(file: Blob): Promise<string> {
  const data = new Uint8Array(await file.arrayBuffer());
  let raw = "";
  for (let at = 0; at < data.length; at += 0x8000) raw += String.fromCharCode(...data.subarray(at, at + 0x8000));
  return btoa(raw);
}

export function Editor({ flow, part, onDone, paused }: { flow: Flow; part: Part; onDone: () => void; paused?: (save: () => Promise<boolean>) => preact.ComponentChildren }) {
  const [draft, setDraft] = useState(() => draftOf(flow, part));
  const [before, setBefore] = useState<string | null>(null);
  const [text, setText] = useState<string | null>(null);
  const [file, setFile] = useState<{ name: string; size: number; base64: string } | null>(null);
  const [why, setWhy] = useState("");
  const [fault, setFault] = useState("");
  const [diff, setDiff] = useState(false);
  const picker = useRef<HTMLInputElement>(null);
  const content = flow[part]?.content;
  useEffect(() => {
    const size = content?.decoded_size ?? content?.size ?? 0;
    if (!content || content.state === "none" || size === 0) return put("");
    if (size > TEXT_MAX) return setWhy(`The body (${bytes(size)}) is too large to edit here; it can be replaced from a file.`);
    if (["evicted", "streamed", "missing"].includes(content.state)) return setWhy("The body is not kept, so it can only be replaced.");
    const abort = new AbortController();
    api.content(flow.id, part, { decoded: 1 }, abort.signal)
      .then((data) => put(new TextDecoder("utf-8", { fatal: true }).decode(data)))
      .catch((error: unknown) => {
        if (error instanceof DOMException) return;
        setWhy(error instanceof TypeError ? "The body is not text; it can be replaced from a file." : sentence(error));
      });
    return () => abort.abort();
  }, [flow.id, part]);
  const put = (value: string) => {
    setBefore(value);
    setText(value);
  };
  const save = async (): Promise<boolean> => {
    const body = changesOf(flow, part, draft, { text: text !== before ? text : null, base64: file?.base64 ?? null });
    if (typeof body === "string") {
      setFault(body);
      return false;
    }
    setFault("");
    if (Object.keys(body).length === 0) return true;
    const done = await attempt("Edit", () => api.change(flow.id, { [part]: body }));
    if (done === undefined) return false;
    setBefore(text);
    setFile(null);
    reread();
    return true;
  };
  const change = (more: Partial<Draft>) => setDraft({ ...draft, ...more });
  const id = (name: string) => `edit-${part}-${name}`;
  return (
    <form class="editor" onSubmit={(event) => { event.preventDefault(); void save().then((ok) => { if (ok) { say("Saved"); onDone(); } }); }} onKeyDown={(event) => {
      if (event.key === "Escape" && !paused) { event.stopPropagation(); onDone(); }
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); event.currentTarget.requestSubmit(); }
    }}>
      <div class="editor-scroll">
        <div class="fields">
          {part === "request" ? (
            <>
              <label class="field method-field" for={id("method")}><span>Method</span><input id={id("method")} class="data" data-first value={draft.method} onInput={(event) => change({ method: event.currentTarget.value })} /></label>
              <label class="field grow" for={id("url")}><span>URL</span><input id={id("url")} class="data" value={draft.url} onInput={(event) => change({ url: event.currentTarget.value })} /></label>
            </>
          ) : (
            <>
              <label class="field method-field" for={id("status")}><span>Status</span><input id={id("status")} class="data" inputMode="numeric" value={draft.status} onInput={(event) => change({ status: event.currentTarget.value })} /></label>
              <label class="field grow" for={id("reason")}><span>Reason</span><input id={id("reason")} class="data" value={draft.reason} onInput={(event) => change({ reason: event.currentTarget.value })} /></label>
            </>
          )}
        </div>
        <HeaderRows headers={draft.headers} onChange={(headers) => change({ headers })} />
        <div class="block-head">
          <label for={id("body")} class="strong">Body</label>
          <span class="dim">{content?.encoding && content.encoding !== "identity" ? `decoded; ${content.encoding} is put back on saving` : ""}</span>
          <span class="push">
            {before !== null && text !== before && <button type="button" class="text-button" aria-pressed={diff} onClick={() => setDiff(!diff)}>diff</button>}
            {before !== null && text !== before && <button type="button" class="text-button" onClick={() => setText(before)}>undo</button>}
            {/json/.test(content?.content_type ?? "") && text !== null && <button type="button" class="text-button" onClick={() => { try { setText(JSON.stringify(JSON.parse(text), null, 2)); } catch (error) { setFault(`not JSON: ${sentence(error)}`); } }}>format</button>}
            <button type="button" class="text-button" onClick={() => picker.current?.click()}>from file…</button>
            <input ref={picker} type="file" hidden aria-label="File for the body" onChange={(event) => { const one = event.currentTarget.files?.[0]; if (one) void fileAsBase64(one).then((base64) => setFile({ name: one.name, size: one.size, base64 })); }} />
          </span>
        </div>
        {file ? <p class="pad data">{visible(file.name)}, {bytes(file.size)} replaces the body. <button type="button" class="text-button" onClick={() => setFile(null)}>undo</button></p>
          : text === null ? <p class="pad dim">{why || "Reading…"}</p>
          : diff && before !== null ? <DiffView before={before} after={text} />
          : <textarea id={id("body")} class="data body-text" spellcheck={false} rows={Math.min(24, Math.max(6, text.split("\n").length + 1))} value={text} onInput={(event) => setText(event.currentTarget.value)} />}
        {fault && <Note role="bad">{fault}</Note>}
      </div>
      <footer class="editor-foot">
        {paused ? paused(save) : <><Button tone="primary" type="submit">Save</Button><Button onClick={onDone}>Cancel</Button><span class="dim">Ctrl+Enter saves. Length and encoding follow the body.</span></>}
      </footer>
    </form>
  );
}

export function DiffView({ before, after }: { before: string; after: string }) {
  const lines = around(diffLines(before, after));
  return (
    <div class="diff data" role="region" aria-label="Difference" tabIndex={0}>
      {lines.slice(0, 1000).map((line) => "skipped" in line ? <div class="diff-line skipped">… {count(line.skipped)} equal lines</div> : (
        <div class={`diff-line ${line.op}`}><span class="diff-sign" aria-label={line.op}>{line.op === "added" ? "+" : line.op === "removed" ? "−" : " "}</span><span>{visible(line.text)}</span></div>
      ))}
    </div>
  );
}
