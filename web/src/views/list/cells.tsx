/** What stands in the cells of a row. */
import type { Row } from "../../api/types";
import { glyphs, statusRole, type Column } from "../../lib/columns";
import { clock, duration, ms, size, visible } from "../../lib/format";
import { Bar, type Axis } from "./waterfall";

export interface CellContext {
  selected: boolean;
  time: "clock" | "first" | "previous";
  /** Start of the first row of the capture and of the row above. */
  first: number | null;
  previous: number | null;
  axis: Axis | null;
  now: number;
}

export function Cell({ column, row, context }: { column: Column; row: Row; context: CellContext }) {
  switch (column.id) {
    case "marks":
      return (
        <>
          <span class={context.selected ? "glyph select" : "glyph none"} aria-hidden="true">{context.selected ? "✓" : ""}</span>
          {glyphs(row).slice(0, 3).map(({ glyph, word, role }) => <span class={`glyph ${role}`} title={word} role="img" aria-label={word}>{glyph}</span>)}
        </>
      );
    case "n":
      return <>{row.n}</>;
    case "time":
      return <>{timeText(row, context)}</>;
    case "proto":
      return <span class={`proto ${row.proto.toLowerCase()}`}>{row.proto}</span>;
    case "method":
      return <span class={`method m-${/^[A-Z]+$/.test(row.method) ? row.method.toLowerCase() : "other"}`}>{visible(row.method)}</span>;
    case "host":
      return <bdi class="host">{visible(row.host)}</bdi>;
    case "path":
      return <PathText row={row} />;
    case "operation":
      return <>{row.operation ? visible(row.operation) : ""}</>;
    case "status":
      return <StatusText row={row} now={context.now} />;
    case "kind":
      return <>{row.messages ? `${row.kind || row.proto.toLowerCase()} ${row.messages}` : visible(row.kind)}</>;
    case "size":
      return <>{row.size === null ? "–" : size(row.size)}</>;
    case "request_size":
      return <>{size(row.request_size)}</>;
    case "duration":
      return <>{row.duration === null ? "" : ms(row.duration)}</>;
    case "ttfb":
      return <>{ms(row.ttfb)}</>;
    case "client":
      return <>{row.client}</>;
    case "server":
      return <>{row.server ?? ""}</>;
    case "comment":
      return <>{visible(row.comment)}</>;
    case "waterfall":
      return context.axis ? <Bar row={row} axis={context.axis} /> : null;
    default:
      return null;
  }
}

/** The path keeps its end: the middle gives way, the query is dimmed. */
export function PathText({ row }: { row: Row }) {
  const at = row.path.indexOf("?");
  const path = visible(at < 0 ? row.path : row.path.slice(0, at));
  const query = at < 0 ? "" : visible(row.path.slice(at));
  // Only a long path has a middle to give away; a short one is cut at its end.
  const cut = path.length > 36 ? path.length - 18 : 0;
  return (
    <span class="path" title={visible(row.path)}>
      <bdi class="path-head">{path.slice(0, cut)}</bdi>
      <bdi class="path-tail">{path.slice(cut)}</bdi>
      {query && <bdi class="path-query">{query.slice(0, 400)}</bdi>}
      {row.operation && <bdi class="path-operation">{visible(row.operation)}</bdi>}
    </span>
  );
}

export function StatusText({ row, now }: { row: Row; now: number }) {
  const paused = row.state.find((one) => one.startsWith("paused"));
  if (paused) return <span class="status paused">paused</span>;
  const role = statusRole(row);
  if (row.status !== null) {
    const failed = row.status_text && role === "bad" && row.status < 500;
    return <span class={`status ${role}`}>{row.status}{failed ? ` ${visible(row.status_text)}` : ""}</span>;
  }
  if (row.status_text || row.error) return <span class="status bad" title={row.error ? visible(row.error) : undefined}>{visible(row.status_text || "error")}</span>;
  if (row.type === "http" || row.type === "dns") return <span class="status dim">… {Math.max(0, Math.floor(now - row.started))}s</span>;
  return <span class="status dim">{row.state.includes("live") ? "open" : "closed"}</span>;
}

function timeText(row: Row, context: CellContext): string {
  if (context.time === "first" && context.first !== null) return `+${duration(row.started - context.first)}`;
  if (context.time === "previous") return context.previous === null ? "" : `+${duration(row.started - context.previous)}`;
  return clock(row.started);
}
