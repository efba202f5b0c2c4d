/** Request or response: first line, headers, body, trailers; in place of it the editor. */
import { useState } from "preact/hooks";
import type { Flow, Part } from "../../api/types";
import { visible } from "../../lib/format";
import { online } from "../../state/session";
import { Button, Empty } from "../../ui/controls";
import { Body } from "./body";
import { Editor } from "./editor";
import { HeaderBlock } from "./headers";

export function MessagePart({ flow, part, version }: { flow: Flow; part: Part; version: number }) {
  const [editing, setEditing] = useState(false);
  const [original, setOriginal] = useState(false);
  const now = flow[part];
  const before = flow.original?.[part] ?? null;
  if (editing) return <Editor flow={flow} part={part} onDone={() => setEditing(false)} />;
  if (!now) {
    if (part === "response" && !flow.error) {
      return (
        <Empty title={flow.state.includes("paused_request") ? "Paused before it was sent" : "No response yet"}>
          <p>{flow.state.includes("paused_request") ? "Resume the request to get a response." : "It appears here as it arrives."}</p>
          <p><Button icon="edit" data-edit disabled={!online.value} onClick={() => setEditing(true)}>Write a response</Button></p>
        </Empty>
      );
    }
    return <Empty title={`There is no ${part}`} />;
  }
  const message = original && before ? before : now;
  const first = "status" in message ? `${message.http_version} ${message.status} ${message.reason}` : `${message.method} ${message.path} ${message.http_version}`;
  return (
    <div class="message">
      <div class="message-scroll">
        <div class="first-line data">
          <span class="first-text" tabIndex={0}>{visible(first)}</span>
          <span class="push">
            {before && (
              <span class="segments" role="group" aria-label="Before or after edits">
                <Button tone="quiet" pressed={original} onClick={() => setOriginal(true)}>Before</Button>
                <Button tone="quiet" pressed={!original} onClick={() => setOriginal(false)}>After</Button>
              </span>
            )}
            <Button icon="edit" tone="quiet" data-edit keys="e" label={`Edit ${part}`} disabled={!online.value || original} onClick={() => setEditing(true)} />
          </span>
        </div>
        {part === "response" && (flow.informational ?? []).map((one) => <HeaderBlock title={`Informational ${one.status}`} headers={one.headers} />)}
        <HeaderBlock title="Headers" headers={message.headers} original={original ? null : (before?.headers ?? null)} />
        {message.trailers && message.trailers.length > 0 && <HeaderBlock title="Trailers" headers={message.trailers} />}
      </div>
      <Body flow={flow} part={part} content={message.content} version={version} original={original} />
    </div>
  );
}
