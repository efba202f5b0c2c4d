/** A request from nothing, from a flow, or from a pasted curl command. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { ComposeRequest } from "../api/types";
import { openDetail } from "../state/actions";
import { route } from "../state/route";
import { online } from "../state/session";
import { attempt, say, sentence } from "../state/toast";
import { Button, Note } from "../ui/controls";
import { HeaderRows } from "./detail/header-rows";
import { fileAsBase64 } from "./detail/editor";

const START: ComposeRequest = { method: "GET", url: "https://", http_version: "HTTP/1.1", headers: [["accept", "*/*"]], content: "" };
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/** The draft stays while other views are open. */
let kept: ComposeRequest = START;

export function Compose() {
  const [draft, setDraft] = useState(kept);
  const [curl, setCurl] = useState("");
  const [fault, setFault] = useState("");
  const [binary, setBinary] = useState<{ name: string; base64: string } | null>(null);
  const [busy, setBusy] = useState(false);
  const change = (more: Partial<ComposeRequest>) => setDraft((kept = { ...draft, ...more }));
  const from = route.value.args[0];
  useEffect(() => {
    if (!from) return;
    void attempt("Compose", async () => {
      const flow = await api.flow(from);
      if (!flow.request) return;
      const size = flow.request.content.size ?? 0;
      const content = size > 0 && size < 2_000_000 ? new TextDecoder().decode(await api.content(from, "request", { decoded: 1 })) : "";
      setDraft((kept = { method: flow.request.method, url: flow.url, http_version: flow.request.http_version, headers: flow.request.headers.filter(([name]) => !/^(?:content-length|content-encoding|transfer-encoding|host)$|^:/i.test(name)), content }));
    });
  }, [from]);
  const read = () => void api.readCurl(curl).then((got) => { setDraft((kept = { ...START, ...got, headers: got.headers ?? [] })); setCurl(""); setFault(""); say("Read the curl command"); }).catch((error: unknown) => setFault(`curl: ${sentence(error)}`));
  const send = async () => {
    setBusy(true);
    setFault("");
    try {
      const { content, content_base64, ...rest } = draft;
      const body = binary ? { content_base64: binary.base64 } : content_base64 ? { content_base64 } : { content: content ?? "" };
      const made = await api.compose({ ...rest, headers: draft.headers.filter(([name]) => name), ...body });
      openDetail(made.id, "response");
    } catch (error) {
      setFault(sentence(error));
    }
    setBusy(false);
  };
  return (
    <form class="page scroll pad compose" onSubmit={(event) => { event.preventDefault(); void send(); }} onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); void send(); } }}>
      <div class="page-head"><h2>Compose</h2><span class="dim">The request goes through midwire, so rules and scripts apply.</span></div>
      <div class="fields">
        <label class="field method-field"><span>Method</span><input class="data" list="methods" value={draft.method} onInput={(event) => change({ method: event.currentTarget.value })} /></label>
        <datalist id="methods">{METHODS.map((one) => <option value={one} />)}</datalist>
        <label class="field grow"><span>URL</span><input class="data" required value={draft.url} onInput={(event) => change({ url: event.currentTarget.value })} /></label>
        <label class="field version-field"><span>Version</span><select value={draft.http_version} onChange={(event) => change({ http_version: event.currentTarget.value })}>{["HTTP/1.1", "HTTP/2.0"].map((one) => <option value={one}>{one}</option>)}</select></label>
      </div>
      <HeaderRows headers={draft.headers} onChange={(headers) => change({ headers })} />
      <div class="block-head">
        <label for="compose-body" class="strong">Body</label>
        <span class="push"><label class="text-button file-label">from file…<input type="file" class="visually-hidden" onChange={(event) => { const one = event.currentTarget.files?.[0]; if (one) void fileAsBase64(one).then((base64) => setBinary({ name: one.name, base64 })); }} /></label></span>
      </div>
      {binary ? <p class="data">{binary.name} is the body. <button type="button" class="text-button" onClick={() => setBinary(null)}>undo</button></p> : <textarea id="compose-body" class="data body-text" rows={8} spellcheck={false} value={draft.content ?? ""} onInput={(event) => change({ content: event.currentTarget.value, content_base64: undefined })} />}
      {fault && <Note role="bad">{fault}</Note>}
      <p class="actions"><Button tone="primary" type="submit" icon="play" disabled={!online.value || busy}>{busy ? "Sending…" : "Send"}</Button><span class="dim">Ctrl+Enter</span><span class="push"><Button tone="quiet" onClick={() => setDraft((kept = START))}>Start anew</Button></span></p>
      <details class="curl-box"><summary>Import a curl command</summary>
        <textarea class="data" rows={4} spellcheck={false} aria-label="curl command" placeholder="curl 'https://example.com/' -H 'accept: */*'" value={curl} onInput={(event) => setCurl(event.currentTarget.value)} />
        <Button disabled={!curl.trim() || !online.value} onClick={read}>Read it</Button>
      </details>
    </form>
  );
}
