/** What happened to a flow on the way: edits, rules, scripts, replays. */
import type { Flow } from "../../api/types";
import { clock, visible } from "../../lib/format";
import { run } from "../../state/actions";
import { online } from "../../state/session";
import { Button, Empty } from "../../ui/controls";

export function HistoryTab({ flow }: { flow: Flow }) {
  const edited = flow.original !== null;
  return (
    <div class="pad scroll">
      {flow.history.length === 0 && flow.trace.length === 0 && <Empty title="Nothing changed this flow"><p>Edits, rules, scripts, replays and intercept decisions are listed here.</p></Empty>}
      {flow.history.length > 0 && (
        <table class="facts-table data">
          <thead><tr><th scope="col">Time</th><th scope="col">Who</th><th scope="col">What</th></tr></thead>
          <tbody>{flow.history.map((one) => <tr><td class="dim">{clock(one.time, true)}</td><td>{visible(one.who)}</td><td>{visible(one.what)}</td></tr>)}</tbody>
        </table>
      )}
      {edited && (
        <p class="actions">
          <a class="button" href={`#/compare/${encodeURIComponent(flow.id)}/${encodeURIComponent(flow.id)}`}><span>Compare with the original</span></a>
          <Button tone="danger" keys="V" disabled={!online.value} onClick={() => run("revert")}>Revert edits</Button>
        </p>
      )}
      {flow.trace.length > 0 && <><h3>Trace</h3><ol class="trace data">{flow.trace.map((line) => <li>{visible(line)}</li>)}</ol></>}
    </div>
  );
}
