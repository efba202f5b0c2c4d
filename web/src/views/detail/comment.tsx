/** The comment and the mark of a flow. */
import { useState } from "preact/hooks";
import { api } from "../../api/client";
import type { Flow } from "../../api/types";
import { reread } from "../../state/flow";
import { online } from "../../state/session";
import { attempt, say } from "../../state/toast";
import { Button } from "../../ui/controls";

export const MARKS = [":red_circle:", ":star:", ":warning:", ":grapes:", ":eyes:", ":bug:", "!", "?"];

export function CommentTab({ flow }: { flow: Flow }) {
  const [text, setText] = useState(flow.comment);
  const save = () => void attempt("Comment", () => api.action("comment", { ids: [flow.id] }, { comment: text })).then((done) => { if (done) { say("Comment saved"); reread(); } });
  const mark = (value: string) => void attempt("Mark", () => api.action("mark", { ids: [flow.id] }, { mark: value })).then(reread);
  return (
    <div class="pad">
      <label for="comment-text">Comment</label>
      <textarea id="comment-text" rows={5} value={text} onInput={(event) => setText(event.currentTarget.value)} onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save(); }} />
      <p class="actions"><Button tone="primary" disabled={!online.value || text === flow.comment} onClick={save}>Save</Button><span class="dim">Ctrl+Enter</span></p>
      <h3>Mark</h3>
      <div class="chip-group" role="group" aria-label="Mark">
        {MARKS.map((value) => <button type="button" class="chip" aria-pressed={flow.marked === value} disabled={!online.value} onClick={() => mark(value)}>{value}</button>)}
        <button type="button" class="chip" disabled={!online.value || !flow.marked} onClick={() => mark("")}>no mark</button>
      </div>
    </div>
  );
}
