/** What /api/v1 sends, written by hand from the contract. Times are seconds since the epoch. */

export type Span = [number, number];
export type Part = "request" | "response";
export type HeaderPair = [string, string];

export interface Timing {
  start: number;
  connect: Span | null;
  tls: Span | null;
  send: Span | null;
  wait: Span | null;
  receive: Span | null;
}

/** One line of the flow list. */
export interface Row {
  id: string;
  n: number;
  type: "http" | "tcp" | "udp" | "dns";
  proto: string;
  method: string;
  scheme: string;
  host: string;
  port: number;
  path: string;
  url: string;
  status: number | null;
  status_text: string;
  kind: string;
  size: number | null;
  request_size: number | null;
  started: number;
  duration: number | null;
  ttfb: number | null;
  marked: string;
  comment: string;
  state: string[];
  error: string | null;
  timing: Timing | null;
  operation: string | null;
  client: string;
  server: string | null;
  messages: number | null;
  highlight?: boolean;
}

export interface Content {
  state: "none" | "missing" | "streamed" | "memory" | "spilled" | "evicted" | "partial";
  size: number | null;
  decoded_size: number | null;
  encoding: string;
  content_type: string;
  expected: number | null;
  decode_error: string | null;
}

export interface RequestPart {
  method: string;
  scheme: string;
  host: string;
  port: number;
  authority: string;
  path: string;
  http_version: string;
  headers: HeaderPair[];
  trailers: HeaderPair[] | null;
  timestamp_start: number | null;
  timestamp_end: number | null;
  content: Content;
}

export interface ResponsePart {
  status: number;
  reason: string;
  http_version: string;
  headers: HeaderPair[];
  trailers: HeaderPair[] | null;
  timestamp_start: number | null;
  timestamp_end: number | null;
  content: Content;
}

export interface Certificate {
  keyinfo: [string, number];
  sha256: string;
  notbefore: number;
  notafter: number;
  serial: string;
  subject: HeaderPair[];
  issuer: HeaderPair[];
  altnames: string[];
}

export interface Connection {
  id: string;
  peername: [string, number] | null;
  sockname: [string, number] | null;
  address?: [string, number] | null;
  tls_established: boolean;
  cert: Certificate | null;
  sni: string | null;
  cipher: string | null;
  alpn: string | null;
  tls_version: string | null;
  timestamp_start: number | null;
  timestamp_tcp_setup?: number | null;
  timestamp_tls_setup: number | null;
  timestamp_end: number | null;
}

export interface WebSocketEnd {
  closed_by_client: boolean | null;
  close_code: number | null;
  close_reason: string | null;
  timestamp_end: number | null;
}

export interface DnsRecord {
  name: string;
  type: string;
  class: string;
  ttl?: number;
  data?: string;
}

export interface DnsMessage {
  id: number;
  op_code: string;
  response_code: string;
  questions: DnsRecord[];
  answers: DnsRecord[];
  authorities: DnsRecord[];
  additionals: DnsRecord[];
  size: number;
  timestamp: number;
}

/** One flow in full, without bodies. */
export interface Flow extends Row {
  intercepted: boolean;
  request: RequestPart | null;
  informational?: { status: number; headers: HeaderPair[] }[] | null;
  response: ResponsePart | null;
  websocket: WebSocketEnd | null;
  dns: { request: DnsMessage | null; response: DnsMessage | null } | null;
  messages_meta?: MessageTotals | null;
  client_conn: Connection | null;
  server_conn: Connection | null;
  original: { request?: RequestPart | null; response?: ResponsePart | null } | null;
  history: { time: number; who: string; what: string }[];
  trace: string[];
}

export interface MessageTotals {
  count: number;
  size: number;
  to_client: number;
  to_server: number;
  evicted: number;
}

export interface FlowMessage {
  n: number;
  from_client: boolean;
  time: number;
  opcode: string | null;
  size: number;
  preview: string;
  injected: boolean;
  dropped: boolean;
}

export interface StreamEvent {
  n: number;
  time?: number | null;
  id: string | null;
  event: string | null;
  data: string;
  size: number;
}

export interface EventsPage {
  kind: string;
  total: number;
  events: StreamEvent[];
  text: string | null;
  summary: Record<string, unknown> | null;
}

/** A body as a content view shows it. */
export interface BodyView {
  name: string;
  chosen_because?: string | null;
  description?: string | null;
  syntax?: string | null;
  text: string;
  lines: number;
  truncated: boolean;
  error: string | null;
}

export interface Server {
  spec: string;
  type: string;
  description: string;
  is_running: boolean;
  error: string | null;
  listen_addrs: [string, number][];
  wireguard_conf?: string | null;
}

/** What the whole page has to know. */
export interface State {
  version: string;
  platform: string;
  servers: Server[];
  ca: {
    subject: string;
    sha256: string;
    not_before: number;
    not_after: number;
    download: { pem: string; p12: string; cer: string };
  } | null;
  total: number;
  paused: number;
  view_filter: string | null;
  intercept: string | null;
  intercept_active: boolean;
  memory: { used: number; allowed: number | null } | null;
  recording: string | null;
  replay: { client: number | boolean | null; server: number | boolean | null } | null;
  scripts: string[];
  weakening: { option: string; value: unknown }[];
  content_views: string[];
  throttle: string | null;
  onboarding_host: string | null;
}

export type OptionValue = string | number | boolean | null | string[];

export interface Option {
  name: string;
  type: string;
  choices: string[] | null;
  default: OptionValue;
  value: OptionValue;
  help: string;
  source: string;
}

export interface LogEvent {
  id: string | number;
  level: string;
  message: string;
  time: number;
  flow?: string | null;
}

export type RuleKind = "map_local" | "map_remote" | "modify_headers" | "modify_body" | "block_list" | "intercept";

export interface Rule {
  id: string;
  kind: RuleKind;
  on: boolean;
  spec: string;
  hits: number | null;
}

export interface SavedFilter {
  name: string;
  expr: string;
  highlight?: string | null;
  key?: string | null;
}

export interface StatsRow {
  key: string;
  count: number;
  errors: number;
  bytes_up: number;
  bytes_down: number;
  p50: number | null;
  p95: number | null;
  max: number | null;
}

export interface TreeNode {
  name: string;
  count: number;
  errors: number;
  bytes: number;
  p95: number | null;
  methods: Record<string, number>;
  statuses: Record<string, number>;
  children: TreeNode[];
}

export interface Change {
  op: string;
  path?: string;
  line?: number;
  name?: string;
  left: unknown;
  right: unknown;
}

export interface Diff {
  head: Change[];
  headers: Change[];
  body: { kind: "json" | "lines" | "bytes"; changes: Change[]; equal: number; truncated: boolean };
}

export interface Page {
  total: number;
  shown: number;
  offset: number;
  rows: Row[];
}

export interface Outcome {
  done: number;
  ids?: string[];
  failed?: { id: string; error: string }[];
}

export interface ComposeRequest {
  method: string;
  url: string;
  http_version: string;
  headers: HeaderPair[];
  content?: string;
  content_base64?: string;
}

export interface SearchHit {
  id: string;
  part: string;
  count: number;
  preview: string;
}

export interface CommandInfo {
  help: string;
  parameters?: { name: string; type: string }[];
  return_type?: string | null;
  signature_help?: string;
}

export type ServerMessage =
  | { type: "rows"; seq: number; total: number; shown: number; offset: number; rows: Row[]; dropped: number; paused?: number }
  | { type: "count"; total: number; shown: number; paused: number }
  | { type: "view_error"; seq: number; error: string; position?: number | null }
  | { type: "located"; id: string; offset: number | null; near?: number | null }
  | { type: "flow"; id: string }
  | { type: "gone"; id: string }
  | { type: "events"; events: LogEvent[] }
  | { type: "state" }
  | { type: "options"; changed: Record<string, OptionValue> }
  | { type: "search"; seq: number; hits: SearchHit[]; done: boolean; scanned: number; undecodable: number };

export type ClientMessage =
  | { type: "view"; seq: number; filter: string; plain: boolean; sort: string; reverse: boolean; highlight: string }
  | { type: "window"; offset: number; count: number }
  | { type: "locate"; id: string }
  | { type: "watch"; id: string | null }
  | { type: "search"; seq: number; text: string; regex: boolean; case: boolean }
  | { type: "search_stop" };
