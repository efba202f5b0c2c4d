/** Columns of the flow list, in the order and widths the user chose. */
import type { Row } from "../api/types";

export interface Column {
  id: string;
  title: string;
  /** Width in pixels; 0 takes the free width. */
  width: number;
  sort: string | null;
  align: "start" | "end";
  shown: boolean;
  about: string;
}

export const COLUMNS: readonly Column[] = [
  { id: "marks", title: "", width: 44, sort: null, align: "start", shown: true, about: "Marks: selected, paused, error, replayed, edited, comment" },
  { id: "n", title: "#", width: 56, sort: "n", align: "end", shown: true, about: "Running number" },
  { id: "time", title: "Time", width: 76, sort: "started", align: "start", shown: true, about: "Start of the request" },
  { id: "proto", title: "Proto", width: 56, sort: "proto", align: "start", shown: true, about: "Protocol" },
  { id: "method", title: "Method", width: 72, sort: "method", align: "start", shown: true, about: "Method" },
  { id: "host", title: "Host", width: 168, sort: "host", align: "start", shown: true, about: "Host" },
  { id: "path", title: "Path", width: 0, sort: "path", align: "start", shown: true, about: "Path and query" },
  { id: "operation", title: "Operation", width: 120, sort: null, align: "start", shown: false, about: "GraphQL, gRPC or JSON-RPC operation" },
  { id: "status", title: "Status", width: 92, sort: "status", align: "start", shown: true, about: "Status code, or what went wrong" },
  { id: "kind", title: "Type", width: 60, sort: "kind", align: "start", shown: true, about: "Type of the response" },
  { id: "size", title: "Size", width: 60, sort: "size", align: "end", shown: true, about: "Response body on the wire, bytes" },
  { id: "request_size", title: "Req size", width: 68, sort: "request_size", align: "end", shown: false, about: "Request body on the wire, bytes" },
  { id: "duration", title: "ms", width: 60, sort: "duration", align: "end", shown: true, about: "Time taken, milliseconds" },
  { id: "ttfb", title: "TTFB", width: 60, sort: "ttfb", align: "end", shown: false, about: "Time to first byte, milliseconds" },
  { id: "client", title: "Client", width: 132, sort: null, align: "start", shown: false, about: "Client address" },
  { id: "server", title: "Server", width: 132, sort: null, align: "start", shown: false, about: "Server address" },
  { id: "comment", title: "Comment", width: 140, sort: null, align: "start", shown: false, about: "Comment" },
  { id: "waterfall", title: "Waterfall", width: 220, sort: null, align: "start", shown: false, about: "Phases on a common time axis" },
];

/** What is stored: order, width, visibility by column id. */
export interface ColumnChoice {
  id: string;
  width: number;
  shown: boolean;
}

/** Applies a stored choice; columns it does not know keep their place at the end. */
export function arrange(choice: readonly ColumnChoice[]): Column[] {
  const known = new Map(COLUMNS.map((column) => [column.id, column]));
  const out: Column[] = [];
  for (const { id, width, shown } of choice) {
    const column = known.get(id);
    if (!column) continue;
    known.delete(id);
    out.push({ ...column, width: column.width === 0 ? 0 : Math.max(32, Math.min(800, width)), shown });
  }
  return [...out, ...known.values()];
}

export function template(columns: readonly Column[]): string {
  return columns.map((column) => (column.width === 0 ? "minmax(120px, 1fr)" : `${column.width}px`)).join(" ");
}

/** Columns give way in this order where the list is narrow. */
const YIELD = ["waterfall", "n", "proto", "ttfb", "client", "server", "request_size", "comment", "operation", "size", "kind", "duration", "time", "marks"];

/** Columns that fit; method, host, path and status never go. */
export function fit(columns: readonly Column[], width: number): Column[] {
  let shown = columns.filter((column) => column.shown);
  const need = () => shown.reduce((sum, column) => sum + (column.width || 140), 0);
  for (const id of YIELD) {
    if (need() <= width) break;
    shown = shown.filter((column) => column.id !== id);
  }
  return shown;
}

/** A glyph and its word for each state, so that colour is never alone. */
export function glyphs(row: Row): { glyph: string; word: string; role: string }[] {
  const out: { glyph: string; word: string; role: string }[] = [];
  const has = (name: string) => row.state.includes(name);
  if (has("paused_request")) out.push({ glyph: "‖", word: "paused at request", role: "paused" });
  if (has("paused_response")) out.push({ glyph: "‖", word: "paused at response", role: "paused" });
  if (has("error") || row.error) out.push({ glyph: "!", word: "error", role: "bad" });
  if (has("partial")) out.push({ glyph: "◔", word: "partial body", role: "warn" });
  if (row.marked) out.push({ glyph: row.marked.length <= 2 ? row.marked : "●", word: `marked ${row.marked}`, role: "mark" });
  if (has("replayed")) out.push({ glyph: "↺", word: "replayed", role: "dim" });
  if (has("edited")) out.push({ glyph: "✎", word: "edited", role: "dim" });
  if (has("mocked")) out.push({ glyph: "◆", word: "mocked", role: "dim" });
  if (row.comment) out.push({ glyph: "¶", word: "has a comment", role: "dim" });
  if (has("live")) out.push({ glyph: "~", word: "still open", role: "good" });
  return out;
}

export function statusRole(row: Pick<Row, "status" | "status_text" | "error" | "state">): string {
  if (row.error || row.state.includes("error")) return "bad";
  if (row.status === null) return "dim";
  if (row.status >= 500) return "bad";
  if (row.status >= 400) return "warn";
  if (row.status >= 300) return "dim";
  return "good";
}
