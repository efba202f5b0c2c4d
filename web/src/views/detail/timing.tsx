/** Where the time went: bars and the same as numbers. */
import type { Flow } from "../../api/types";
import { clock, dateTime, duration } from "../../lib/format";
import { absolute, PHASES } from "../list/waterfall";
import { Empty } from "../../ui/controls";

export function TimingTab({ flow }: { flow: Flow }) {
  const timing = flow.timing;
  const spans = timing
    ? PHASES.flatMap(([phase, short, words]) => {
        const span = timing[phase];
        return span ? [{ phase, short, words, span: absolute(span, timing) }] : [];
      })
    : [];
  const start = Math.min(flow.started, ...spans.map(({ span }) => span[0]));
  const end = Math.max(flow.started + (flow.duration ?? 0), ...spans.map(({ span }) => span[1]));
  const length = Math.max(end - start, 1e-6);
  return (
    <div class="pad scroll">
      <h3>Phases</h3>
      {spans.length === 0 ? <Empty title="No timing is known" /> : (
        <table class="timing data">
          <thead><tr><th scope="col">Phase</th><th scope="col" class="num">Start</th><th scope="col" class="num">Time</th><th scope="col">0 – {duration(length)}</th></tr></thead>
          <tbody>
            {spans.map(({ phase, words, span }) => (
              <tr>
                <th scope="row"><i class={`swatch ${phase}`} aria-hidden="true" />{words}</th>
                <td class="num">{duration(span[0] - start)}</td>
                <td class="num">{duration(span[1] - span[0])}</td>
                <td class="bar-cell"><span class="bars" aria-hidden="true"><i class={`bar ${phase}`} style={{ left: `${((span[0] - start) / length) * 100}%`, width: `max(2px, ${((span[1] - span[0]) / length) * 100}%)` }} /></span></td>
              </tr>
            ))}
            <tr class="sum"><th scope="row">Total</th><td /><td class="num">{flow.duration === null ? "open" : duration(flow.duration)}</td><td /></tr>
          </tbody>
        </table>
      )}
      {timing && !timing.connect && flow.server_conn && <p class="dim">The connection to the server was reused, so there is no connect phase.</p>}
      <h3>Clock</h3>
      <table class="facts-table data"><tbody>
        {moments(flow).map(([name, at]) => <tr><th scope="row">{name}</th><td>{dateTime(at)}</td><td class="num dim">{`+${duration(at - start)}`}</td></tr>)}
      </tbody></table>
      <p class="visually-hidden">Started at {clock(flow.started)}</p>
    </div>
  );
}

function moments(flow: Flow): [string, number][] {
  const all: [string, number | null | undefined][] = [
    ["Client connected", flow.client_conn?.timestamp_start], ["Client TLS done", flow.client_conn?.timestamp_tls_setup],
    ["Server connection started", flow.server_conn?.timestamp_start], ["Server TCP done", flow.server_conn?.timestamp_tcp_setup], ["Server TLS done", flow.server_conn?.timestamp_tls_setup],
    ["First request byte", flow.request?.timestamp_start], ["Request complete", flow.request?.timestamp_end],
    ["First response byte", flow.response?.timestamp_start], ["Response complete", flow.response?.timestamp_end],
    ["Client closed", flow.client_conn?.timestamp_end], ["Server closed", flow.server_conn?.timestamp_end],
  ];
  return all.filter((one): one is [string, number] => typeof one[1] === "number").sort((a, b) => a[1] - b[1]);
}
