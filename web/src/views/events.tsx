/** The log: levels with words, filter, repeats folded, links to flows. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { LogEvent } from "../api/types";
import { clock, count, visible } from "../lib/format";
import { openDetail } from "../state/actions";
import { log, unseenErrors } from "../state/session";
import { Empty } from "../ui/controls";

const LEVELS = ["error", "warn", "alert", "info", "debug"] as const;

interface Line extends LogEvent {
  times: number;
}

/** Equal lines that follow each other become one with a count. */
export function foldRepeats(events: readonly LogEvent[]): Line[] {
  const out: Line[] = [];
  for (const event of events) {
    const last = out[out.length - 1];
    if (last && last.level === event.level && last.message === event.message) {
      last.times++;
      last.time = event.time;
    } else out.push({ ...event, times: 1 });
  }
  return out;
}

export function Events() {
  const [least, setLeast] = useState("info");
  const [text, setText] = useState("");
  const events = log.value;
  useEffect(() => { unseenErrors.value = 0; }, [events]);
  const lines = useMemo(() => {
    const limit = LEVELS.indexOf(least as (typeof LEVELS)[number]);
    const needle = text.toLowerCase();
    return foldRepeats(events.filter((one) => { const at = LEVELS.indexOf(one.level as (typeof LEVELS)[number]); return (at < 0 ? 3 : at) <= limit && (!needle || one.message.toLowerCase().includes(needle)); })).reverse();
  }, [events, least, text]);
  return (
    <div class="page scroll pad">
      <div class="page-head">
        <h2>Event log</h2>
        <label class="inline">Level <select value={least} onChange={(event) => setLeast(event.currentTarget.value)}>{LEVELS.map((one) => <option value={one}>{one}{one === "error" ? " only" : " and above"}</option>)}</select></label>
        <label class="inline"><span class="visually-hidden">Filter the log</span><input class="data" placeholder="Filter" value={text} onInput={(event) => setText(event.currentTarget.value)} /></label>
        <span class="dim push">{count(lines.length)} lines, newest first</span>
      </div>
      {lines.length === 0 ? <Empty title={events.length ? "No line matches" : "Nothing has been logged"} /> : (
        <table class="log data"><thead class="visually-hidden"><tr><th scope="col">Time</th><th scope="col">Level</th><th scope="col">Message</th></tr></thead><tbody>
          {lines.slice(0, 400).map((one) => (
            <tr class={`level-${one.level}`}>
              <td class="dim">{clock(one.time, true)}</td>
              <td><span class={`level ${one.level}`}>{one.level}</span></td>
              <td class="break">{visible(one.message)}{one.times > 1 && <b class="tag" title="Repeated">×{one.times}</b>}{one.flow && <> <button type="button" class="link" onClick={() => openDetail(one.flow ?? "")}>open the flow</button></>}</td>
            </tr>
          ))}
        </tbody></table>
      )}
    </div>
  );
}
