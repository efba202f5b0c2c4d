/** Bars of the phases of a flow on a time axis that the shown rows share. */
import type { Row, Span, Timing } from "../../api/types";
import { duration } from "../../lib/format";

export interface Axis {
  start: number;
  end: number;
}

export const PHASES = [
  ["connect", "TCP", "Connecting"],
  ["tls", "TLS", "TLS handshake"],
  ["send", "Send", "Request sent"],
  ["wait", "Wait", "Waiting for the first byte"],
  ["receive", "Receive", "Download"],
] as const;

export function axisOf(rows: readonly (Row | undefined)[]): Axis | null {
  let start = Infinity;
  let end = -Infinity;
  for (const row of rows) {
    if (!row) continue;
    start = Math.min(start, row.started);
    end = Math.max(end, row.started + (row.duration ?? 0));
  }
  return start === Infinity ? null : { start, end: Math.max(end, start + 0.001) };
}

/** A span as seconds of the clock, whatever its origin. */
export function absolute(span: Span, timing: Timing): Span {
  return span[0] < 1e6 ? [timing.start + span[0], timing.start + span[1]] : span;
}

export function Bar({ row, axis }: { row: Row; axis: Axis }) {
  const length = axis.end - axis.start;
  const percent = (at: number) => Math.max(0, Math.min(100, ((at - axis.start) / length) * 100));
  const timing = row.timing;
  const spans = timing
    ? PHASES.flatMap(([phase]) => {
        const span = timing[phase];
        return span ? [{ phase, span: absolute(span, timing) }] : [];
      })
    : [];
  if (spans.length === 0) spans.push({ phase: "wait", span: [row.started, row.started + (row.duration ?? 0)] });
  const words = spans.map(({ phase, span }) => `${phase} ${duration(span[1] - span[0])}`).join(", ");
  return (
    <span class="bars" role="img" aria-label={words} title={words}>
      {spans.map(({ phase, span }) => (
        <i class={`bar ${phase}`} style={{ left: `${percent(span[0])}%`, width: `max(2px, ${percent(span[1]) - percent(span[0])}%)` }} />
      ))}
    </span>
  );
}

export function AxisTicks({ axis }: { axis: Axis | null }) {
  if (!axis) return <>Waterfall</>;
  const length = axis.end - axis.start;
  return (
    <span class="ticks" aria-label={`Waterfall, ${duration(length)} across`}>
      {[0, 0.5, 1].map((share) => <span style={{ left: `${share * 100}%` }} class={share === 1 ? "last" : share === 0 ? "first" : ""}>{share === 0 ? "0" : duration(length * share)}</span>)}
    </span>
  );
}
