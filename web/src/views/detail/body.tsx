/** The body of a message: which view, its state, search, and what is shown of it. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { signal } from "@preact/signals";
import { api } from "../../api/client";
import type { BodyView, Content, Flow, Part } from "../../api/types";
import { bytes, count } from "../../lib/format";
import { wrap } from "../../state/prefs";
import { copyText } from "../../state/export";
import { state } from "../../state/session";
import { sentence } from "../../state/toast";
import { Button, Empty, Note } from "../../ui/controls";
import { ImageView } from "./image";
import { BodyText } from "./body-text";

/** The view the user chose; it stays from flow to flow. */
const chosen = signal("auto");

const FALLBACK_VIEWS = ["auto", "raw", "hex dump", "hex stream", "json", "xml/html", "css", "javascript", "url-encoded", "multipart form", "query", "graphql", "grpc", "protobuf", "msgpack", "image"];

const RASTER = /^image\/(?:png|gif|jpeg|jpg|webp|bmp|x-ms-bmp|avif|x-icon|vnd\.microsoft\.icon)/i;

export function isPicture(content: Content): boolean {
  return RASTER.test(content.content_type) && ["memory", "spilled"].includes(content.state) && (content.size ?? 0) > 0;
}

interface Shown {
  view: BodyView | null;
  error: string | null;
  busy: boolean;
}

export function Body({ flow, part, content, version, original }: { flow: Flow; part: Part; content: Content; version: number; original?: boolean }) {
  const [lines, setLines] = useState<number | null>(null);
  const [got, setGot] = useState<Shown>({ view: null, error: null, busy: true });
  const name = chosen.value;
  const [picture, setPicture] = useState(true);
  const asPicture = isPicture(content) && name === "auto" && picture && !original;
  const empty = emptiness(flow, part, content);
  const wanted = !asPicture && !empty;
  useEffect(() => {
    if (!wanted) return;
    const abort = new AbortController();
    setGot((before) => ({ ...before, busy: true }));
    api.view(flow.id, part, { name, lines, original: original ? 1 : null }, abort.signal)
      .then((view) => setGot({ view, error: null, busy: false }))
      .catch((error: unknown) => { if (!(error instanceof DOMException)) setGot({ view: null, error: sentence(error), busy: false }); });
    return () => abort.abort();
  }, [flow.id, part, name, lines, version, original, wanted]);
  const view = got.view;
  const text = useMemo(() => view?.text.split("\n") ?? [], [view]);
  return (
    <section class="body" aria-label="Body">
      <div class="body-bar">
        <ViewChoice content={content} picture={asPicture} view={asPicture ? null : view} onPicture={setPicture} onView={() => setLines(null)} />
        <span class="dim data facts-text">{sizes(content)}</span>
        <span class="push">
          {!asPicture && !empty && <Button tone="quiet" pressed={wrap.value} onClick={() => (wrap.value = !wrap.peek())}>wrap</Button>}
          {!empty && (
            <>
              {view && !asPicture && <Button icon="copy" tone="quiet" label="Copy the shown text" onClick={() => void copyText(view.text, "the shown text")} />}
              <a class="button quiet only-icon" href={api.contentUrl(flow.id, part, { decoded: 1, download: 1 })} download title="Save the decoded body" aria-label="Save the decoded body"><SaveGlyph /></a>
            </>
          )}
        </span>
      </div>
      <Warnings content={content} view={asPicture ? null : view} />
      {empty ?? (asPicture ? <ImageView flow={flow} part={part} content={content} version={version} /> : got.error ? <Note role="bad">The body could not be shown: {got.error}.</Note> : view ? (
        <>
          <BodyText lines={text} syntax={`${view.syntax ?? ""} ${view.name}`} findId="body-find" />
          {view.truncated && (
            <p class="more">First {count(text.length)} of {count(view.lines)} lines. <button type="button" class="button" disabled={got.busy} onClick={() => setLines(Math.min(view.lines, text.length * 8))}><span>Show more</span></button> <button type="button" class="button" disabled={got.busy} onClick={() => setLines(view.lines)}><span>{got.busy ? "Reading…" : "Show all"}</span></button></p>
          )}
        </>
      ) : <p class="pad dim">Reading…</p>)}
    </section>
  );
}

function SaveGlyph() {
  return <svg class="icon" width="16" height="16" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M10 3v9M6 9l4 4 4-4M4 16h12" /></svg>;
}

function sizes(content: Content): string {
  if (content.size === null) return "";
  const coded = content.encoding && content.encoding !== "identity";
  if (!coded) return bytes(content.size);
  const decodedSize = content.decoded_size === null ? "not decoded" : `${bytes(content.decoded_size)} decoded`;
  return `${bytes(content.size)} ${content.encoding}, ${decodedSize}`;
}

function Warnings({ content, view }: { content: Content; view: BodyView | null }) {
  return (
    <>
      {content.state === "partial" && <Note>Cut off: {bytes(content.size)} of {content.expected === null ? "an unknown number of bytes" : bytes(content.expected)} arrived. What arrived is shown.</Note>}
      {content.decode_error && <Note>Decoded: no ({content.decode_error}). The bytes are shown as they came.</Note>}
      {view?.error && <Note>{view.error}. Shown as {view.name}.</Note>}
    </>
  );
}

/** In place of a body: why there is none. "Empty", "none", "not captured" and "evicted" are different things. */
function emptiness(flow: Flow, part: Part, content: Content) {
  const status = flow.response?.status ?? 0;
  const method = flow.request?.method ?? "";
  if (content.state === "evicted") return <Empty title="The body was evicted"><p>{bytes(content.size)} were dropped to stay within the memory limit. Raise the limit in <a href="#/options">Options</a> to keep more.</p></Empty>;
  if (content.state === "streamed") return <Empty title="Not captured"><p>The body{content.size === null ? "" : ` (${bytes(content.size)})`} passed through without being kept: it is larger than <a href="#/options">stream_large_bodies</a> allows.</p></Empty>;
  if (content.state === "missing") return <Empty title="The body is missing"><p>It was not recorded with this flow.</p></Empty>;
  if (content.state === "none" || (content.size === 0 && part === "response" && (status === 204 || status === 304 || method === "HEAD"))) {
    const why = part === "response" && (status === 204 || status === 304) ? `A ${status} response has none.` : part === "response" && method === "HEAD" ? "The answer to HEAD has none." : `This ${part} has none.`;
    return <Empty title="No body"><p>{why}</p></Empty>;
  }
  if (content.size === 0) return content.state === "partial" ? <Empty title="Nothing of the body arrived" /> : <Empty title="Empty body"><p>0 bytes.</p></Empty>;
  return null;
}

function ViewChoice({ content, picture, view, onPicture, onView }: { content: Content; picture: boolean; view: BodyView | null; onPicture: (on: boolean) => void; onView: () => void }) {
  const names = state.value?.content_views.length ? state.value.content_views : FALLBACK_VIEWS;
  const options = names.includes("auto") ? names : ["auto", ...names];
  const auto = chosen.value === "auto";
  return (
    <label class="view-choice">
      <span>View</span>
      <select value={auto && isPicture(content) ? (picture ? "picture" : "auto") : chosen.value} onChange={(event) => {
        const value = event.currentTarget.value;
        onView();
        onPicture(value === "picture");
        chosen.value = value === "picture" ? "auto" : value;
      }}>
        {isPicture(content) && <option value="picture">picture</option>}
        {options.map((name) => <option value={name}>{name}</option>)}
      </select>
      {view && auto && <span class="dim" title={view.chosen_because ?? undefined}>{view.name}{view.description && view.description !== view.name ? `, ${view.description}` : ""}{view.chosen_because ? ` (${view.chosen_because})` : ""}</span>}
    </label>
  );
}
