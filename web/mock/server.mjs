// A stand-in for midwire's /api/v1 with generated flows: for work on the page and for its tests.
//   node mock/server.mjs [--port 8090] [--flows 500] [--live 5] [--token TOKEN] [--paused 2]
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { detail, filterHelp, flow, hugeText, options, PNG, START } from "./data.mjs";
import { compile, FilterError } from "./filter.mjs";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css" };
const CSP = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws:; object-src 'none'; base-uri 'none'; form-action 'self'";

/** Starts a server; the answer has its URL and how to stop it. */
export async function serve({ port = 0, flows = 500, live = 0, token = "", paused = 0 } = {}) {
  let rows = Array.from({ length: flows }, (_, i) => flow(i + 1));
  let next = flows + 1;
  const setPaused = (n) => rows.slice(-n).forEach((row, i) => row.state.push(i % 2 ? "paused_response" : "paused_request"));
  if (paused) setPaused(paused);
  const settings = options.map((one) => ({ ...one }));
  let rules = [{ id: "1", kind: "modify_headers", on: true, spec: "/~q/user-agent/midwire", hits: 12 }, { id: "2", kind: "block_list", on: false, spec: "/~d ads.example.com/403", hits: 0 }];
  let filters = [{ name: "errors of the api", expr: "~d api & ~e" }];
  const log = [{ id: 1, level: "info", message: "HTTP(S) proxy listening at 127.0.0.1:8080.", time: START }, { id: 2, level: "warn", message: "upstream certificate is not verified", time: START + 1 }, { id: 3, level: "warn", message: "upstream certificate is not verified", time: START + 2 }, { id: 4, level: "error", message: "script.py:12: <b>NameError</b>", time: START + 3, flow: rows[3]?.id }];
  const sockets = new Set();
  const isPaused = (row) => row.state.some((one) => one.startsWith("paused"));
  const strip = ({ shape, body, requestBody, requestHeaders, original, history, ...row }) => row;

  const select = ({ filter = "", plain = false, sort = "n", reverse = false, state = "" }) => {
    const wanted = compile(filter, plain);
    let list = rows.filter((row) => wanted(row) && (!state || (state === "paused" ? isPaused(row) : row.state.includes(state))));
    if (sort !== "n") list = [...list].sort((a, b) => { const x = a[sort] ?? -1; const y = b[sort] ?? -1; return x < y ? -1 : x > y ? 1 : a.n - b.n; });
    return reverse ? [...list].reverse() : list;
  };
  const push = (client) => {
    const { view, window } = client;
    const shown = client.list;
    const tint = view.highlight ? compile(view.highlight, true) : null;
    const part = shown.slice(window.offset, window.offset + window.count).map((row) => (tint?.(row) ? { ...strip(row), highlight: true } : strip(row)));
    client.send(JSON.stringify({ type: "rows", seq: view.seq, total: rows.length, shown: shown.length, offset: window.offset, rows: part, dropped: 0, paused: rows.filter(isPaused).length }));
  };
  const changed = () => {
    for (const client of sockets) {
      try { client.list = select(client.view); } catch { continue; }
      push(client);
    }
  };
  const tell = (message) => sockets.forEach((client) => client.send(JSON.stringify(message)));
  const state = () => ({
    version: "0.1.0-mock", platform: "mock", servers: [{ spec: "regular", type: "regular", description: "HTTP(S) proxy", is_running: true, error: null, listen_addrs: [["127.0.0.1", 8080]] }, { spec: "socks5@1080", type: "socks5", description: "SOCKS v5 proxy", is_running: false, error: "address already in use", listen_addrs: [] }],
    ca: { subject: "CN=midwire", sha256: "ab".repeat(32), not_before: START - 1e6, not_after: START + 3e8, download: { pem: "/api/v1/ca/pem", p12: "/api/v1/ca/p12", cer: "/api/v1/ca/cer" } },
    total: rows.length, paused: rows.filter(isPaused).length, view_filter: null, intercept: settings.find((one) => one.name === "intercept").value, intercept_active: settings.find((one) => one.name === "intercept_active").value, memory: { used: 84e6, allowed: 512e6 }, recording: null, replay: { client: null, server: null }, scripts: [], weakening: [{ option: "ssl_insecure", value: true }], content_views: ["auto", "raw", "hex dump", "json", "xml/html"], throttle: null, onboarding_host: "mitm.it",
  });
  const targets = (body) => (body.ids ? rows.filter((row) => body.ids.includes(row.id)) : select(body));
  const actions = {
    delete: (list) => { const gone = new Set(list); rows = rows.filter((row) => !gone.has(row)); },
    resume: (list) => list.forEach((row) => { row.state = row.state.filter((one) => !one.startsWith("paused")); }),
    kill: (list) => list.forEach((row) => { row.state = ["error"]; row.error = "killed"; row.status_text = "killed"; row.status = null; }),
    mark: (list, body) => list.forEach((row) => { row.marked = body.mark; }),
    comment: (list, body) => list.forEach((row) => { row.comment = body.comment; }),
    revert: (list) => list.forEach((row) => { if (row.original) { row.method = row.original.request.method; row.path = row.original.request.path; row.requestHeaders = undefined; row.original = null; row.state = row.state.filter((one) => one !== "edited"); } }),
    replay: (list) => list.map((row) => add({ ...flow(row.n), state: ["replayed"] })), duplicate: (list) => list.map((row) => add({ ...row })),
    mock: (list) => list.forEach((row) => rules.push({ id: String(rules.length + 1), kind: "map_local", on: true, spec: `|${row.path}|~/mock/${row.n}`, hits: 0 })),
  };
  const add = (row) => { const made = { ...row, n: next, id: flow(next).id, started: START + next * 0.37 }; next++; rows.push(made); return made.id; };

  const viewOf = (row, part) => {
    const text = part === "request" ? (row.requestBody ?? (row.request_size ? '{\n    "query": "viewer { id }"\n}' : "")) : row.shape.huge ? hugeText() : Buffer.isBuffer(row.body) ? `00000000  ${row.body.subarray(0, 16).toString("hex")}` : row.body;
    return text;
  };
  const one = async (method, row, rest, query, body) => {
    if (rest.length === 0) {
      if (method === "PUT") {
        row.original ??= { request: detail(row).request, response: null };
        if (body.request?.method) row.method = body.request.method;
        if (body.request?.path) { row.path = body.request.path; row.url = `${row.scheme}://${row.host}${row.path}`; }
        if (body.request?.headers) row.requestHeaders = body.request.headers;
        if (body.request?.content !== undefined) row.requestBody = body.request.content;
        if (body.response?.code) row.status = body.response.code;
        if (body.response?.content !== undefined) row.body = body.response.content;
        row.state = [...new Set([...row.state, "edited"])];
        row.history = [...(row.history ?? []), { time: START, who: "user", what: "edited" }];
        changed();
        tell({ type: "flow", id: row.id });
        return {};
      }
      return detail(row);
    }
    if (rest[0] === "messages" && rest.length === 1) return { total: row.shape.messages ?? 0, evicted: 0, messages: Array.from({ length: row.shape.messages ?? 0 }, (_, i) => ({ n: i, from_client: i % 4 === 0, time: row.started + i * 0.1, opcode: i === 7 ? "ping" : "text", size: 40 + i, preview: `{"tick": ${i}, "x": "<img src=x onerror=window.pwned=1>"}`, injected: false, dropped: i === 9 })) };
    if (rest[0] === "messages") return { name: "json", chosen_because: "it parses", syntax: "json", text: `{\n    "tick": ${rest[1]}\n}`, lines: 3, truncated: false, error: null };
    if (rest[0] === "events") return { kind: "sse", total: 21, events: Array.from({ length: 21 }, (_, i) => ({ n: i + 1, time: row.started + 0.04 + i * 0.03, id: null, event: null, data: `{"choices":[{"delta":{"content":"word ${i} "}}]}`, size: 50 })), text: "Intercepting proxies sit between a client and a server.\nThey let you read, change and replay traffic.", summary: { first_token_seconds: 0.041, tokens_per_second: 30.7, finish: "stop" } };
    if (rest[0] === "export") return Buffer.from(`curl -X ${row.method} '${row.url}'${query.get("redact") === "1" ? " -H 'authorization: <redacted>'" : " -H 'authorization: Bearer secret'"}`);
    const [part, what] = rest;
    if (what === "image") return PNG;
    const text = viewOf(row, part);
    if (what === "content") return Buffer.isBuffer(row.body) && part === "response" ? row.body : Buffer.from(text);
    const all = text.split("\n");
    const most = Number(query.get("lines") ?? 2000);
    const name = query.get("name") === "auto" ? (row.kind === "json" || part === "request" ? "json" : row.kind === "html" || row.kind === "svg" ? "xml/html" : "raw") : query.get("name");
    return { name, chosen_because: query.get("name") === "auto" ? "content-type" : null, description: "", syntax: name === "json" ? "yaml" : name === "xml/html" ? "xml" : "none", text: all.slice(0, most).join("\n"), lines: all.length, truncated: all.length > most, error: null };
  };
  const stats = (by) => {
    const groups = new Map();
    const key = { host: (r) => r.host, path: (r) => r.host + r.path.split("?")[0].replace(/\/\d+/g, "/{id}"), status: (r) => String(r.status ?? r.status_text), type: (r) => r.kind, client: (r) => r.client }[by] ?? ((r) => r.host);
    for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
    return [...groups].map(([name, list]) => ({ key: name, count: list.length, errors: list.filter((r) => r.error).length, bytes_up: list.length * 64, bytes_down: list.reduce((s, r) => s + (r.size ?? 0), 0), p50: 0.03, p95: 0.09, max: 0.14 }));
  };
  const tree = () => {
    const hosts = new Map();
    const node = (name) => ({ name, count: 0, errors: 0, bytes: 0, p95: 0.05, methods: {}, statuses: {}, children: [] });
    for (const row of rows) {
      let at = hosts.get(row.host) ?? hosts.set(row.host, node(row.host)).get(row.host);
      for (const step of [null, ...row.path.split("?")[0].split("/").slice(1, 4).map((p) => `/${/^\d+$/.test(p) ? "{id}" : p}`)]) {
        if (step !== null) { let child = at.children.find((c) => c.name === step); if (!child) at.children.push((child = node(step))); at = child; }
        at.count++; at.errors += row.error ? 1 : 0; at.bytes += row.size ?? 0; at.methods[row.method] = (at.methods[row.method] ?? 0) + 1; at.statuses[row.status ?? row.status_text] = (at.statuses[row.status ?? row.status_text] ?? 0) + 1;
      }
    }
    return [...hosts.values()];
  };

  const route = async (method, parts, query, body) => {
    const [name, ...rest] = parts;
    const many = { filter: query.get("filter") ?? "", plain: query.get("plain") === "1", sort: query.get("sort") ?? "n", reverse: query.get("reverse") === "1", state: query.get("state") ?? "" };
    switch (name) {
      case "state": return state();
      case "flows": {
        if (rest.length === 0) { const list = select(many); const offset = Number(query.get("offset") ?? 0); return { total: rows.length, shown: list.length, offset, rows: list.slice(offset, offset + Number(query.get("count") ?? 100)).map(strip) }; }
        const row = rows.find((r) => r.id === rest[0]);
        if (!row) throw Object.assign(new Error("no such flow"), { status: 404 });
        return one(method, row, rest.slice(1), query, body);
      }
      case "actions": { const list = targets(body); const ids = actions[rest[0]](list, body); changed(); list.forEach((row) => tell({ type: "flow", id: row.id })); return { done: list.length, ids: Array.isArray(ids) ? ids : undefined, failed: [] }; }
      case "export-formats": return ["curl", "curl (cmd)", "httpie", "fetch", "python requests", "go", "rust reqwest", "raw", "markdown"].map((n) => ({ name: n, title: n, binary: false }));
      case "options":
        if (method === "PUT") {
          for (const [key, value] of Object.entries(body)) {
            const setting = settings.find((s) => s.name === key);
            if (!setting) throw new Error(`unknown option ${key}`);
            if (key === "intercept" && value) compile(value, false);
            Object.assign(setting, { value, source: "here" });
          }
          tell({ type: "state" });
          return {};
        }
        return rest[0] === "save" ? { path: "config.yaml" } : settings;
      case "commands": return method === "GET" ? {} : { value: `ran ${body.line}` };
      case "events": return { total: log.length, events: log };
      case "filter-help": return { commands: filterHelp };
      case "filters": if (method === "PUT") filters = body; return filters;
      case "rules":
        if (rest[0] === "dry-run") { const list = rows.filter((r) => r.host.includes("api")); return { matches: list.length, ids: list.slice(0, 100).map((r) => r.id) }; }
        if (method === "PUT") { const bad = body.rules.findIndex((r) => !/^\W/.test(r.spec) && r.kind !== "intercept"); if (bad >= 0) throw Object.assign(new Error("the rule begins with its separator"), { index: bad, position: 0 }); rules = body.rules; }
        return { rules };
      case "stats": return { rows: stats(query.get("by")) };
      case "tree": return tree();
      case "connect": return { recipes: [{ id: "env", title: "Environment", text: "export http_proxy=http://127.0.0.1:8080\nexport https_proxy=http://127.0.0.1:8080" }, { id: "curl", title: "curl", text: "curl -x http://127.0.0.1:8080 http://example.com/" }, { id: "python", title: "Python", text: "import requests\nrequests.get('http://example.com/', proxies={'http': 'http://127.0.0.1:8080'})" }], qr: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 21 21" shape-rendering="crispEdges"><path d="M0 0h7v7H0zM14 0h7v7h-7zM0 14h7v7H0zM9 2h2v2H9zM12 9h3v3h-3zM9 13h2v4H9z"/></svg>', url: "http://mitm.it/" };
      case "diff": return { head: [{ op: "same", name: "status", left: 200, right: 200 }], headers: [{ op: "changed", name: "date", left: "07:01", right: "07:02" }, { op: "changed", name: "etag", left: "a", right: "b" }, { op: "same", name: "server", left: "x", right: "x" }], body: { kind: "json", changes: [{ op: "changed", path: ".price", left: 103.91, right: 97.4 }, { op: "added", path: ".book[1]", left: null, right: { size: 7 } }], equal: 17, truncated: false } };
      case "compose": if (rest[0] === "curl") return { method: "POST", url: "http://api.demo.test/echo", http_version: "HTTP/1.1", headers: [["content-type", "application/json"]], content: '{"a":1}' }; { const id = add({ ...flow(2), method: body.method, url: body.url }); changed(); return { id }; }
      case "clear": rows = []; changed(); return {};
      case "load": return { loaded: 3, error: "unexpected end of file", offset: 1234 };
      case "dump": case "ca": return Buffer.from("data");
      default: throw Object.assign(new Error("no such route"), { status: 404 });
    }
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://mock");
    const answer = (status, body, type) => { response.writeHead(status, { "Content-Type": type, "Content-Security-Policy": CSP, "Cache-Control": "no-cache", "Set-Cookie": "_mitmproxy_xsrf=mock; Path=/; SameSite=Strict" }); response.end(body); };
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const raw = Buffer.concat(chunks);
    const signedIn = !token || url.searchParams.get("token") === token || (request.headers.cookie ?? "").includes(`mock-auth=${token}`) || (request.method === "POST" && url.pathname === "/" && new URLSearchParams(raw.toString()).get("token") === token);
    try {
      if (url.pathname === "/" || url.pathname === "/index.html") {
        if (!signedIn) { return answer(403, `<!doctype html><html lang="en"><title>Sign in</title><main><h1>Sign in</h1><form method="post" action="/"><label>Token <input name="token" type="password"></label><button>Sign in</button></form>${request.method === "POST" ? "<p role=alert>Wrong token.</p>" : ""}</main></html>`, TYPES[".html"]); }
        if (token) response.setHeader("Set-Cookie", [`mock-auth=${token}; Path=/; HttpOnly; SameSite=Strict`, "_mitmproxy_xsrf=mock; Path=/"]);
        response.writeHead(200, { "Content-Type": TYPES[".html"], "Content-Security-Policy": CSP });
        return response.end(await readFile(join(DIST, "index.html")));
      }
      if (url.pathname.startsWith("/static/")) { const file = normalize(url.pathname.slice(8)); return answer(200, await readFile(join(DIST, file)), TYPES[extname(file)] ?? "application/octet-stream"); }
      if (!url.pathname.startsWith("/api/v1/")) return answer(404, "", "text/plain");
      if (!signedIn) return answer(403, "", "text/plain");
      if (request.method !== "GET" && request.headers["x-xsrftoken"] !== "mock") return answer(403, '{"error":"xsrf"}', "application/json");
      const body = raw.length && request.headers["content-type"] === "application/json" ? JSON.parse(raw) : {};
      const out = await route(request.method, url.pathname.slice(8).split("/").map(decodeURIComponent), url.searchParams, body);
      if (Buffer.isBuffer(out)) return answer(200, out, url.pathname.endsWith("/image") ? "image/png" : "application/octet-stream");
      return answer(200, JSON.stringify(out), "application/json");
    } catch (error) {
      return answer(error.status ?? 400, JSON.stringify({ error: error.message, position: error.position, index: error.index }), "application/json");
    }
  });
  const updates = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    if (token && !(request.headers.cookie ?? "").includes(`mock-auth=${token}`)) { socket.end("HTTP/1.1 403 Forbidden\r\n\r\n"); return; }
    updates.handleUpgrade(request, socket, head, (client) => {
      Object.assign(client, { view: { seq: 0, filter: "", plain: true, sort: "n", reverse: false, highlight: "" }, window: { offset: 0, count: 200 }, list: rows });
      sockets.add(client);
      client.on("close", () => sockets.delete(client));
      client.on("message", (data) => {
        const message = JSON.parse(String(data));
        if (message.type === "view") {
          try { const list = select(message); if (message.highlight) compile(message.highlight, true); client.view = message; client.list = list; push(client); } catch (error) { client.send(JSON.stringify({ type: "view_error", seq: message.seq, error: error.message, position: error instanceof FilterError ? error.position : null })); }
        } else if (message.type === "window") { client.window = message; push(client); } else if (message.type === "locate") {
          const at = client.list.findIndex((row) => row.id === message.id);
          client.send(JSON.stringify({ type: "located", id: message.id, offset: at < 0 ? null : at, near: at < 0 ? 0 : undefined }));
        } else if (message.type === "search") {
          const hits = client.list.filter((row) => String(row.body).includes(message.text)).map((row) => ({ id: row.id, part: "response", count: 1, preview: String(row.body).slice(0, 80) }));
          client.send(JSON.stringify({ type: "search", seq: message.seq, hits, done: true, scanned: client.list.length, undecodable: 1 }));
        }
      });
    });
  });
  const timer = live ? setInterval(() => { for (let i = 0; i < Math.max(1, Math.round(live / 20)); i++) rows.push(flow(next++)); changed(); }, Math.max(50, 1000 / live)) : null;
  await new Promise((done) => server.listen(port, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    pause: (n) => { setPaused(n); changed(); },
    drop: () => sockets.forEach((client) => client.terminate()),
    add: (n) => { for (let i = 0; i < n; i++) rows.push(flow(next++)); changed(); },
    stop: () => { clearInterval(timer); sockets.forEach((client) => client.terminate()); updates.close(); server.closeAllConnections(); return new Promise((done) => server.close(done)); },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const read = (name, start) => { const at = process.argv.indexOf(`--${name}`); return at < 0 ? start : process.argv[at + 1]; };
  const mock = await serve({ port: Number(read("port", 8090)), flows: Number(read("flows", 500)), live: Number(read("live", 0)), token: read("token", ""), paused: Number(read("paused", 0)) });
  console.log(`mock midwire at ${mock.url}`);
}
