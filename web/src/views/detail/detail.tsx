/** The open flow: its head line, tabs and what they show. */
import { useEffect } from "preact/hooks";
import type { Flow } from "../../api/types";
import { ACTIONS, closeDetail, run, setTabsHere } from "../../state/actions";
import { menuBelow } from "../../state/dialogs";
import { open } from "../../state/flow";
import { focusIndex, moveFocus, shown } from "../../state/list";
import { narrow } from "../../state/prefs";
import { alone, go, openTab, replace } from "../../state/route";
import { online } from "../../state/session";
import { bytes, clock, count, duration, visible } from "../../lib/format";
import { statusRole } from "../../lib/columns";
import { Age, Button, Empty, Note } from "../../ui/controls";
import { CommentTab } from "./comment";
import { ConnectionTab } from "./connection";
import { EventsTab } from "./events";
import { HistoryTab } from "./history";
import { MessagePart } from "./message-part";
import { MessagesTab } from "./messages";
import { TimingTab } from "./timing";
import { DnsPart } from "./dns";

const TITLES: Readonly<Record<string, string>> = {
  error: "Error", request: "Request", response: "Response", messages: "Messages", events: "Events", timing: "Timing", connection: "Connection", history: "History", comment: "Comment",
};

/** Kinds of responses that are streams of events. */
export function hasEvents(flow: Flow): boolean {
  const type = flow.response?.content.content_type ?? "";
  return /event-stream|ndjson|jsonl|application\/grpc|stream\+json|json-seq/.test(type) || ["sse", "grpc", "ndjson"].includes(flow.kind);
}

export function tabsOf(flow: Flow): string[] {
  const tabs: string[] = [];
  if (flow.error) tabs.push("error");
  const talk = flow.type === "tcp" || flow.type === "udp";
  if (!talk) tabs.push("request", "response");
  if (talk || flow.websocket || flow.messages !== null) tabs.push("messages");
  if (flow.type === "http" && hasEvents(flow)) tabs.push("events");
  return [...tabs, "timing", "connection", "history", "comment"];
}

/** The tab that is shown for what the URL asks. */
export function pickTab(asked: string | null, flow: Flow): string {
  const tabs = tabsOf(flow);
  if (asked === "response" && flow.error && !flow.response) return "error";
  if (asked && tabs.includes(asked)) return asked;
  if (flow.error && !flow.response) return "error";
  if (tabs.includes("messages")) return "messages";
  return flow.response || flow.dns?.response ? "response" : (tabs.find((tab) => tab !== "error") ?? "timing");
}

export function Detail() {
  const now = open.value;
  const flow = now?.flow ?? null;
  const tabs = flow ? tabsOf(flow) : [];
  useEffect(() => setTabsHere(tabs), [tabs.join()]);
  if (!now) return <Empty title="No flow is open" />;
  if (now.error && !flow) return <div class="detail"><BackBar /><Empty title={now.error}><p><Button onClick={closeDetail}>Back to the list</Button></p></Empty></div>;
  if (!flow) return <div class="detail" aria-busy="true"><BackBar /></div>;
  const tab = pickTab(openTab.value, flow);
  const choose = (name: string) => replace("flows", flow.id, ...(alone.peek() ? [name, "full"] : [name]));
  const counts: Readonly<Record<string, number>> = { history: flow.history.length, messages: flow.messages ?? 0 };
  return (
    <div class="detail">
      <BackBar />
      <Head flow={flow} />
      {now.gone && <Note role="bad">This flow was deleted or has left midwire's memory. What was read stays here until you leave.</Note>}
      <div class="tabs" role="tablist" aria-label="Parts of the flow" onKeyDown={(event) => tabKey(event, tabs, tab, choose)}>
        {tabs.map((name) => (
          <button type="button" role="tab" id={`tab-${name}`} data-tab={name} aria-selected={name === tab} aria-controls="tab-panel" tabIndex={name === tab ? 0 : -1} class={name === "error" ? "tab bad" : "tab"} onClick={() => choose(name)}>
            {name === "error" ? "! " : ""}{TITLES[name]}{counts[name] ? <span class="badge">{count(counts[name] ?? 0)}</span> : null}
          </button>
        ))}
      </div>
      <div class="tab-panel" role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab}`} tabIndex={-1}>
        <Tab key={`${flow.id}-${tab}`} tab={tab} flow={flow} version={now.version} />
      </div>
    </div>
  );
}

function Tab({ tab, flow, version }: { tab: string; flow: Flow; version: number }) {
  switch (tab) {
    case "request":
    case "response":
      return flow.type === "dns" ? <DnsPart message={flow.dns?.[tab] ?? null} part={tab} /> : <MessagePart flow={flow} part={tab} version={version} />;
    case "messages":
      return <MessagesTab flow={flow} version={version} />;
    case "events":
      return <EventsTab flow={flow} version={version} />;
    case "timing":
      return <TimingTab flow={flow} />;
    case "connection":
      return <ConnectionTab flow={flow} />;
    case "history":
      return <HistoryTab flow={flow} />;
    case "comment":
      return <CommentTab flow={flow} />;
    default:
      return <ErrorTab flow={flow} />;
  }
}

function tabKey(event: KeyboardEvent, tabs: readonly string[], tab: string, choose: (name: string) => void): void {
  const at = tabs.indexOf(tab);
  const next = { ArrowRight: at + 1, ArrowLeft: at - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
  if (next === undefined) return;
  const name = tabs[next % tabs.length];
  if (!name) return;
  event.preventDefault();
  event.stopPropagation();
  choose(name);
  requestAnimationFrame(() => document.getElementById(`tab-${name}`)?.focus());
}

function BackBar() {
  if (!narrow.value && !alone.value) return null;
  return (
    <div class="back-bar">
      <Button icon="back" tone="quiet" onClick={() => (alone.peek() ? go("flows") : closeDetail())}>Flows</Button>
      <span class="push dim">{focusIndex.value >= 0 ? `${count(focusIndex.value + 1)} of ${count(shown.value)}` : ""}</span>
      <Button icon="up" tone="quiet" label="Previous flow" keys="p" onClick={() => moveFocus(-1)} />
      <Button icon="down" tone="quiet" label="Next flow" keys="Space" onClick={() => moveFocus(1)} />
    </div>
  );
}

function Head({ flow }: { flow: Flow }) {
  const paused = flow.intercepted || flow.state.some((one) => one.startsWith("paused"));
  const off = !online.value;
  const talk = flow.type === "tcp" || flow.type === "udp";
  const status = flow.status !== null ? `${flow.status} ${flow.response?.reason ?? ""}` : flow.error ? flow.status_text || "error" : talk ? "" : "no response yet";
  return (
    <header class="detail-head">
      <div class="head-line">
        <h2 class="head-url data" title={visible(flow.url)}>
          {!talk && <b>{visible(flow.method)}</b>} <bdi>{visible(flow.url || `${flow.host}:${flow.port}`)}</bdi>
        </h2>
        <span class="dim data">#{flow.n}</span>
        {!narrow.value && !alone.value && <Button icon="close" tone="quiet" label="Close the detail" keys="Escape" onClick={closeDetail} />}
      </div>
      <div class="head-line facts data">
        <span class={`status ${statusRole(flow)}`}>{visible(status)}</span>
        {flow.kind && <span>{visible(flow.kind)}</span>}
        {flow.size !== null && <span>{bytes(flow.size)}</span>}
        {flow.duration !== null && <span>{duration(flow.duration)}</span>}
        <span class="dim">{clock(flow.started, true)}</span>
        <span class="dim">{flow.proto}</span>
        {flow.operation && <span>{visible(flow.operation)}</span>}
        <span class="head-actions">
          {flow.type === "http" && <Button icon="replay" tone="quiet" label="Replay" keys="r" disabled={off} onClick={() => run("replay")} />}
          <Button icon="copy" tone="quiet" label="Copy as" keys="y" onClick={() => run("copy")} />
          <Button icon="save" tone="quiet" label="Export" keys="x" onClick={() => run("export")} />
          <Button icon="more" tone="quiet" label="More actions" aria-haspopup="menu" onClick={(event) => moreMenu(event.currentTarget as Element)} />
        </span>
      </div>
      {paused && (
        <div class="paused-bar">
          <span><b>‖ Paused</b> at {flow.state.includes("paused_response") ? "response" : "request"} for <Age since={flow.response?.timestamp_end ?? flow.request?.timestamp_end ?? flow.started} />. The other side waits.</span>
          <Button icon="play" tone="primary" keys="a" disabled={off} onClick={() => run("resume")}>Resume</Button>
          <Button tone="danger" keys="X" disabled={off} onClick={() => run("kill")}>Kill</Button>
        </div>
      )}
    </header>
  );
}

function moreMenu(from: Element): void {
  const ids = ["full", "compose-from", "duplicate", "mock", "compare", "mark", "comment", "revert", "kill", "delete"];
  menuBelow(from, "More actions", ids.flatMap((id) => {
    const action = ACTIONS.find((one) => one.id === id);
    return action ? [{ title: action.title, keys: action.keys[0], disabled: action.live === true && !online.peek(), run: () => run(id) }] : [];
  }));
}

function ErrorTab({ flow }: { flow: Flow }) {
  const content = flow.response?.content;
  return (
    <div class="pad">
      <Note role="bad">
        <p class="strong">{visible(flow.error ?? "Unknown error")}</p>
        <p>The flow ended {flow.duration === null ? "" : `after ${duration(flow.duration)} `}with <code class="data">{visible(flow.status_text || "error")}</code>.</p>
      </Note>
      {content?.state === "partial" && <p>{bytes(content.size)} of {content.expected === null ? "an unknown number of bytes" : bytes(content.expected)} arrived; they are in the <button type="button" class="link" onClick={() => replace("flows", flow.id, "response")}>Response</button>.</p>}
      {!flow.response && flow.type === "http" && <p class="dim">No response was received.</p>}
      {flow.trace.length > 0 && <><h3>What happened</h3><ol class="trace data">{flow.trace.map((line) => <li>{visible(line)}</li>)}</ol></>}
    </div>
  );
}
