/** Typed calls of /api/v1. Every failure is an `ApiError` with one sentence. */
import type {
  BodyView, CommandInfo, ComposeRequest, Diff, EventsPage, Flow, FlowMessage, LogEvent, MessageTotals, Option, OptionValue, Outcome,
  Page, Part, Rule, SavedFilter, State, StatsRow, TreeNode,
} from "./types";

const BASE = "/api/v1";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** Character offset in the filter or rule that was refused. */
    readonly position: number | null = null,
    /** Which rule of a list was refused. */
    readonly index: number | null = null,
  ) {
    super(message);
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;

/** Called when the server says that the page is not signed in. */
let onSignedOut: () => void = () => {};
export function whenSignedOut(run: () => void): void {
  onSignedOut = run;
}

export function xsrf(): string {
  return /(?:^|; )_mitmproxy_xsrf=([^;]*)/.exec(document.cookie)?.[1] ?? "";
}

export function path(name: string, query: Query = {}): string {
  const words = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === "") continue;
    words.set(key, value === true ? "1" : value === false ? "0" : String(value));
  }
  const text = words.toString();
  return `${BASE}/${name}${text ? `?${text}` : ""}`;
}

async function call(method: string, url: string, body?: BodyInit | null, type?: string, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = {};
  if (method !== "GET") headers["X-XSRFToken"] = xsrf();
  if (type) headers["Content-Type"] = type;
  let response: Response;
  try {
    response = await fetch(url, { method, headers, body: body ?? null, credentials: "same-origin", signal: signal ?? null });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "midwire does not answer");
  }
  if (response.ok) return response;
  if (response.status === 403) onSignedOut();
  throw await failure(response);
}

async function failure(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  try {
    const body = JSON.parse(text) as { error?: string; position?: number; index?: number };
    if (body.error) return new ApiError(response.status, body.error, body.position ?? null, body.index ?? null);
  } catch {
    // Not JSON: the text below serves.
  }
  const line = text.startsWith("<") ? "" : text.split("\n")[0];
  return new ApiError(response.status, line || `midwire answered ${response.status} ${response.statusText}`);
}

async function read<T>(url: string, signal?: AbortSignal): Promise<T> {
  return (await (await call("GET", url, null, undefined, signal)).json()) as T;
}

async function send<T>(method: string, name: string, body: unknown): Promise<T> {
  const response = await call(method, `${BASE}/${name}`, JSON.stringify(body), "application/json");
  const text = await response.text();
  return (text ? JSON.parse(text) : {}) as T;
}

const flowPath = (id: string) => `flows/${encodeURIComponent(id)}`;

/** A flow in full has its messages as totals, where a row has their number. */
type FlowAsSent = Omit<Flow, "messages"> & { messages: number | TotalsAsSent | null };

/** Each direction is a number of bytes, or that and a count. */
type TotalsAsSent = Omit<MessageTotals, "to_client" | "to_server" | "evicted"> & { to_client: number | { size: number }; to_server: number | { size: number }; evicted: number | boolean };

const sizeOf = (one: number | { size: number }) => (typeof one === "number" ? one : one.size);

function withTotals(flow: FlowAsSent): Flow {
  const { messages } = flow;
  if (messages === null || messages === undefined) return { ...flow, messages: null };
  return typeof messages === "number" ? { ...flow, messages } : { ...flow, messages: messages.count, messages_meta: { ...messages, to_client: sizeOf(messages.to_client), to_server: sizeOf(messages.to_server), evicted: Number(messages.evicted) } };
}

/** Which flows an action is for. */
export type Target = { ids: string[] } | { filter: string; plain: boolean };

export const api = {
  state: () => read<State>(path("state")),
  flows: (query: Query, signal?: AbortSignal) => read<Page>(path("flows", query), signal),
  flow: async (id: string, signal?: AbortSignal) => withTotals(await read<FlowAsSent>(path(flowPath(id)), signal)),
  view: (id: string, part: string, query: Query, signal?: AbortSignal) =>
    read<BodyView>(path(`${flowPath(id)}/${part}/view`, query), signal),
  contentUrl: (id: string, part: string, query: Query = {}) => path(`${flowPath(id)}/${part}/content`, query),
  imageUrl: (id: string, part: Part, version: string) => path(`${flowPath(id)}/${part}/image`, { v: version }),
  content: async (id: string, part: string, query: Query = {}, signal?: AbortSignal) =>
    new Uint8Array(await (await call("GET", path(`${flowPath(id)}/${part}/content`, query), null, undefined, signal)).arrayBuffer()),
  messages: (id: string, offset: number, count: number, signal?: AbortSignal) =>
    read<{ total: number; evicted: number; messages: FlowMessage[] }>(path(`${flowPath(id)}/messages`, { offset, count }), signal),
  events: (id: string, signal?: AbortSignal) => read<EventsPage>(path(`${flowPath(id)}/events`, { offset: 0, count: 1000 }), signal),
  inject: (id: string, body: { to_client: boolean; text?: string; base64?: string }) => send(`POST`, `${flowPath(id)}/messages`, body),
  change: (id: string, body: unknown) => send<unknown>("PUT", flowPath(id), body),
  action: (name: string, target: Target, more: Record<string, unknown> = {}) =>
    send<Outcome>("POST", `actions/${name}`, { ...target, ...more }),
  exportFormats: () => read<{ name: string; title: string; binary: boolean }[]>(path("export-formats")),
  exportUrl: (id: string, format: string, redact: boolean) => path(`${flowPath(id)}/export`, { format, redact }),
  exported: async (id: string, format: string, redact: boolean) =>
    (await call("GET", path(`${flowPath(id)}/export`, { format, redact }))).text(),
  compose: (request: ComposeRequest) => send<{ id: string }>("POST", "compose", request),
  readCurl: (curl: string) => send<ComposeRequest>("POST", "compose/curl", { curl }),
  diff: (query: Query, signal?: AbortSignal) => read<Diff>(path("diff", query), signal),
  options: () => read<Option[]>(path("options")),
  setOptions: (values: Record<string, OptionValue>) => send<unknown>("PUT", "options", values),
  saveOptions: () => send<{ path?: string }>("POST", "options/save", {}),
  commands: () => read<Record<string, CommandInfo>>(path("commands")),
  command: (line: string) => send<{ value?: unknown; error?: string }>("POST", "commands", { line }),
  complete: (line: string, signal?: AbortSignal) => read<string[]>(path("complete", { line }), signal),
  log: (query: Query) => read<{ total: number; events: LogEvent[] }>(path("events", query)),
  filterHelp: () => read<{ commands: [string, string][] }>(path("filter-help")),
  rules: () => read<{ rules: Rule[]; error?: string }>(path("rules")),
  setRules: (rules: Rule[]) => send<{ rules?: Rule[] }>("PUT", "rules", { rules }),
  dryRun: (kind: string, spec: string) => send<{ matches: number; ids: string[] }>("POST", "rules/dry-run", { kind, spec }),
  filters: () => read<SavedFilter[]>(path("filters")),
  setFilters: (filters: SavedFilter[]) => send<unknown>("PUT", "filters", filters),
  stats: (query: Query, signal?: AbortSignal) => read<{ rows: StatsRow[] }>(path("stats", query), signal),
  tree: (query: Query, signal?: AbortSignal) => read<TreeNode[] | { nodes: TreeNode[] }>(path("tree", query), signal),
  connect: () => read<{ recipes: { id: string; title: string; text: string }[]; qr: string | null; url?: string | null }>(path("connect")),
  load: async (file: Blob) =>
    (await (await call("POST", path("load"), file, "application/octet-stream")).json()) as { loaded: number; error: string | null; offset: number | null },
  dumpUrl: (query: Query) => path("dump", query),
  clear: () => send<unknown>("POST", "clear", {}),
  login: async (token: string) => {
    const body = new URLSearchParams({ token, _xsrf: xsrf() });
    const response = await fetch("/", { method: "POST", body, headers: { "X-XSRFToken": xsrf() }, credentials: "same-origin" });
    return response.ok;
  },
};
