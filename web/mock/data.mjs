// Generated flows for the mock server: plausible, reproducible, some of them hostile.

const HOSTS = ["shop.demo.test", "api.demo.test", "img.demo.test", "auth.demo.test", "stream.demo.test"];
const XSS = '<script>window.pwned=1</script><img src=x onerror="window.pwned=1">';
const START = 1_795_500_000;

/** A small generator with a seed, so that runs are equal. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const JSON_BODY = JSON.stringify({
  data: { viewer: { id: 1, name: "grace", email: "grace@example.test", tags: ["a", "b", "c"] }, orders: { edges: [{ node: { id: 7, total: "19.90", paid: true } }, { node: { id: 9, total: 1e3, paid: null } }] } },
}, null, 4);

const PNG = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAYAAAAf8/9hAAAAKUlEQVR4nGNk+M9AEWAkVcGoAaMGjBowasCoAaMGjBowasCoAaMGUAwAAHJgAhG1Ym9LAAAAAElFTkSuQmCC", "base64");

const KINDS = [
  { kind: "json", type: "application/json", method: "GET", path: (i) => `/api/users/${i % 97}`, host: 1, body: JSON_BODY },
  { kind: "json", type: "application/json", method: "POST", path: () => "/graphql", host: 1, operation: "Viewer", body: JSON_BODY, status: 200 },
  { kind: "html", type: "text/html; charset=utf-8", method: "GET", path: (i) => (i % 5 ? "/about" : "/"), host: 0, body: "<!doctype html>\n<html>\n  <body>\n    <h1>Shop</h1>\n  </body>\n</html>" },
  { kind: "css", type: "text/css", method: "GET", path: () => "/static/app.css?v=20260801&theme=dark", host: 0, body: "body {\n  color: #333;\n}\n" },
  { kind: "js", type: "text/javascript", method: "GET", path: () => "/static/very/long/path/that/goes/on/and/on/vendor.bundle.min.js", host: 0, body: "const a = 1;\nfunction b() { return `x`; }\n" },
  { kind: "png", type: "image/png", method: "GET", path: (i) => `/img/${i % 40}.png?w=320&h=200`, host: 2, body: PNG },
  { kind: "json", type: "application/json", method: "DELETE", path: (i) => `/api/users/${i % 50}`, host: 1, status: 204, body: "" },
  { kind: "json", type: "application/json", method: "PATCH", path: (i) => `/api/users/${i % 50}`, host: 1, status: 404, body: '{"error": "no such user"}' },
  { kind: "html", type: "text/html", method: "POST", path: () => "/login", host: 3, status: 303, body: "" },
  { kind: "text", type: "text/plain", method: "GET", path: () => "/status/500", host: 1, status: 500, body: "internal error" },
];

const SPECIAL = [
  { kind: "", type: "", method: "GET", path: () => "/reset", host: 0, status: null, error: "server closed the connection without a response", status_text: "reset", body: "" },
  { kind: "text", type: "text/plain", method: "GET", path: () => "/abort", host: 0, status: 200, error: "server closed the connection in the middle of the body", status_text: "reset", body: "this is where it ", partial: 4096 },
  { kind: "sse", type: "text/event-stream", method: "POST", path: () => "/v1/chat/completions", host: 4, body: "data: {\"choices\":[{\"delta\":{\"content\":\"Intercepting\"}}]}\n\n", events: true },
  { kind: "", type: "", method: "GET", path: () => "/ws/ticker?n=20", host: 4, status: 101, body: "", proto: "WS", messages: 20 },
  { kind: "html", type: "text/html", method: "GET", path: () => `/hostile/${XSS}?q=${XSS}`, host: 0, body: `<html>${XSS}</html>`, hostile: true },
  { kind: "svg", type: "image/svg+xml", method: "GET", path: () => "/static/logo.svg", host: 0, body: `<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=1"><script>window.pwned=1</script></svg>` },
  { kind: "json", type: "application/json", method: "GET", path: () => "/api/huge?mb=2", host: 1, huge: true, body: "" },
  { kind: "text", type: "text/plain", method: "GET", path: () => "/enc/lying", host: 1, body: "this is not gzip", encoding: "gzip", decode_error: "not in gzip format" },
  { kind: "text", type: "text/plain", method: "GET", path: () => "/evicted", host: 1, body: "", state: "evicted", size: 90_000_000 },
  { kind: "bin", type: "application/octet-stream", method: "GET", path: () => "/large", host: 1, body: "", state: "streamed", size: 2_000_000_000 },
];

export const hugeText = () => JSON.stringify(Array.from({ length: 4000 }, (_, i) => ({ id: i, name: `user ${i}`, active: i % 2 === 0, address: { city: "Zürich", zip: 8000 + i } })), null, 4);

/** Flow number `n` (from 1); everything follows from the number. */
export function flow(n) {
  const rnd = random(n * 7919);
  const shape = n % 12 === 0 ? SPECIAL[Math.floor(n / 12) % SPECIAL.length] : KINDS[Math.floor(rnd() * KINDS.length)];
  const started = START + n * 0.37;
  const wait = 0.004 + rnd() * 0.09;
  const receive = rnd() * 0.05;
  const fresh = rnd() < 0.3;
  const at = fresh ? 0.012 : 0.001;
  const status = shape.status === undefined ? 200 : shape.status;
  const host = HOSTS[shape.host];
  const tls = shape.host !== 2 && n % 3 === 0;
  const path = shape.path(n);
  const body = shape.body;
  const state = [];
  if (shape.error) state.push("error");
  if (shape.partial) state.push("partial");
  if (n === 30) state.push("replayed");
  if (n === 31) state.push("edited");
  return {
    id: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`, n, type: "http", proto: shape.proto ?? (tls ? (n % 2 ? "H2" : "HTTPS") : "HTTP"), method: shape.method, scheme: tls ? "https" : "http", host, port: tls ? 443 : 80, path,
    url: `${tls ? "https" : "http"}://${host}${path}`, status, status_text: shape.status_text ?? "", kind: shape.kind, size: status === null ? null : (shape.size ?? Buffer.byteLength(body)), request_size: shape.method === "POST" ? 64 : 0,
    started, duration: at + wait + receive, ttfb: status === null ? null : at + wait, marked: n === 34 ? ":red_circle:" : "", comment: shape.hostile ? XSS : n === 37 ? "look at this one" : "", state, error: shape.error ?? null,
    timing: { start: started, connect: fresh ? [started, started + 0.004] : null, tls: fresh && tls ? [started + 0.004, started + 0.012] : null, send: [started + at - 0.001, started + at], wait: [started + at, started + at + wait], receive: [started + at + wait, started + at + wait + receive] },
    operation: shape.operation ?? null, client: `127.0.0.1:${40000 + (n % 2000)}`, server: `127.0.0.${1 + shape.host}:${tls ? 9443 : 9080}`, messages: shape.messages ?? null, shape, body,
  };
}

const content = (size, type, more = {}) => ({ state: size ? "memory" : "none", size, decoded_size: size, encoding: "", content_type: type, expected: null, decode_error: null, ...more });

/** The flow in full. */
export function detail(row) {
  const { shape, body, ...plain } = row;
  const hostile = shape.hostile ? [["x-hostile", XSS], ["set-cookie", `a=${XSS}; Path=/`]] : [];
  const headers = [["Host", row.host], ["User-Agent", "curl/8.5.0"], ["Accept", "*/*"], ["Cookie", "session=3f1c; theme=dark%20mode"], ["Authorization", "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIiwibmFtZSI6ImdyYWNlIiwiZXhwIjoxNzk1NTAwMDAwfQ.c2ln"], ...hostile];
  const size = row.size ?? 0;
  const state = shape.state ? { state: shape.state, size: shape.size } : shape.partial ? { state: "partial", expected: shape.partial } : {};
  return {
    ...plain, intercepted: row.state.some((s) => s.startsWith("paused")), original: row.original ?? null,
    request: { method: row.method, scheme: row.scheme, host: row.host, port: row.port, authority: "", path: row.path, http_version: row.proto === "H2" ? "HTTP/2.0" : "HTTP/1.1", headers: row.requestHeaders ?? headers, trailers: null, timestamp_start: row.started, timestamp_end: row.started + 0.001, content: content(row.requestBody?.length ?? row.request_size, "application/json") },
    informational: row.n % 60 === 1 ? [{ status: 103, headers: [["Link", "</static/app.css>; rel=preload"]] }] : [],
    response: row.status === null ? null : { status: row.status, reason: row.status === 200 ? "OK" : row.status === 404 ? "Not Found" : "", http_version: "HTTP/1.1", headers: [["Content-Type", shape.type], ["Content-Length", String(size)], ["Cache-Control", "public, max-age=604800"], ["Date", "Tue, 24 Nov 2026 07:01:40 GMT"], ["Set-Cookie", "a=1; Path=/"], ["Set-Cookie", "b=2; HttpOnly"], ...hostile], trailers: row.n % 60 === 3 ? [["x-checksum", "abc"]] : null, timestamp_start: row.started + 0.01, timestamp_end: row.started + row.duration, content: content(shape.huge ? 460_000 : size, shape.type, { ...state, encoding: shape.encoding ?? "", decode_error: shape.decode_error ?? null }) },
    websocket: shape.messages ? { closed_by_client: false, close_code: 1000, close_reason: "done", timestamp_end: row.started + row.duration } : null, dns: null, messages: shape.messages ? { count: 20, size: 898, to_client: 700, to_server: 198, evicted: 0 } : null,
    client_conn: { id: "c1", peername: ["127.0.0.1", 40000], sockname: ["127.0.0.1", 8080], tls_established: row.scheme === "https", cert: null, sni: row.host, cipher: "TLS_AES_128_GCM_SHA256", alpn: "h2", tls_version: "TLSv1.3", timestamp_start: row.started - 0.1, timestamp_tls_setup: row.started - 0.05, timestamp_end: null },
    server_conn: { id: "s1", peername: ["127.0.0.2", 9443], sockname: ["127.0.0.1", 50000], address: [row.host, row.port], tls_established: row.scheme === "https", cert: row.scheme === "https" ? { keyinfo: ["RSA", 2048], sha256: "ab".repeat(32), notbefore: START - 1e6, notafter: START + 1e7, serial: "12345", subject: [["CN", row.host]], issuer: [["CN", "demo"]], altnames: [row.host] } : null, sni: row.host, cipher: null, alpn: null, tls_version: row.scheme === "https" ? "TLSv1.3" : null, timestamp_start: row.started, timestamp_tcp_setup: row.started + 0.004, timestamp_tls_setup: null, timestamp_end: null },
    history: row.history ?? (row.n === 30 ? [{ time: row.started, who: "user", what: "replayed from #12" }] : []), trace: row.error ? ["connected to 127.0.0.1:9080", "request sent", row.error] : [],
  };
}

export const options = [
  { name: "anticache", type: "bool", choices: null, default: false, value: false, help: "Strip out request headers that might cause the server to return 304-not-modified.", source: "default" },
  { name: "intercept", type: "optional str", choices: null, default: null, value: null, help: "Intercept filter expression.", source: "default" },
  { name: "intercept_active", type: "bool", choices: null, default: false, value: false, help: "Intercept toggle", source: "default" },
  { name: "listen_port", type: "optional int", choices: null, default: null, value: 8080, help: "Port to bind the proxy to.", source: "command line" },
  { name: "ssl_insecure", type: "bool", choices: null, default: false, value: true, help: "Do not verify upstream server certificates.", source: "command line" },
  { name: "map_local", type: "sequence of str", choices: null, default: [], value: [], help: "Map remote resources to a local file.", source: "default" },
  { name: "console_palette", type: "str", choices: ["dark", "light", "solarized_dark"], default: "solarized_dark", value: "solarized_dark", help: "Color palette.", source: "default" },
  { name: "web_password", type: "str", choices: null, default: "", value: "", help: "Password to protect the web interface.", source: "default" },
];

export const filterHelp = [["~a", "Match asset in response"], ["~b regex", "Body"], ["~c int", "HTTP response code"], ["~comment regex", "Flow comment"], ["~d regex", "Domain"], ["~e", "Match error"], ["~m regex", "Method"], ["~marked", "Match marked flows"], ["~q", "Match request with no response"], ["~s", "Match response"], ["~t regex", "Content-type header"], ["~u regex", "URL"], ["~websocket", "Match WebSocket flows"], ["!", "unary not"], ["&", "and"], ["|", "or"], ["(...)", "grouping"]];
export { PNG, START };
