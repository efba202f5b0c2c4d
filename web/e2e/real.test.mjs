// The page on a built midwire with real proxied traffic. Wants a binary: MIDWIRE_BIN, else target/debug/midwire.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, request as ask } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import { WebSocketServer, WebSocket } from "ws";
import { axe, browser, open, rows, skip as noBrowser, until } from "./help.mjs";

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL("../../target", import.meta.url));
const BIN = process.env.MIDWIRE_BIN ?? join(target, "debug", "midwire");
const skip = noBrowser || (existsSync(BIN) ? false : `SKIPPED: no built midwire at ${BIN} (set MIDWIRE_BIN)`);
if (skip && !noBrowser) console.error(`\n!!!!! ${skip}\n`);

const XSS = '<script>window.pwned=1</script><img src=x onerror="window.pwned=1">';
const TOKEN = "a-token-for-tests";
const folder = mkdtempSync(join(tmpdir(), "midwire-e2e-"));
let midwire;
let origin;
let sockets;
let proxy;
let web;
const seen = [];

const free = () => new Promise((done) => { const probe = createServer().listen(0, "127.0.0.1", () => { const { port } = probe.address(); probe.close(() => done(port)); }); });

/** A request through the proxy; the answer's status and text. */
const fetchBy = (path, { method = "GET", headers = {}, body } = {}) => new Promise((done, fail) => {
  const url = `http://127.0.0.1:${origin.address().port}${path}`;
  const request = ask({ host: "127.0.0.1", port: proxy, path: url, method, headers: { host: new URL(url).host, ...headers }, agent: false }, (response) => {
    let text = "";
    response.on("data", (chunk) => (text += chunk));
    response.on("end", () => done({ status: response.statusCode, text }));
  });
  request.on("error", fail);
  request.end(body);
});

before(async () => {
  if (skip) return;
  origin = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      seen.push({ method: request.method, url: request.url, headers: request.headers, body });
      if (request.url.startsWith("/html")) return response.writeHead(200, { "content-type": "text/html", "x-evil": XSS }).end(`<html>${XSS}</html>`);
      if (request.url.startsWith("/svg")) return response.writeHead(200, { "content-type": "image/svg+xml" }).end(`<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=1"><script>window.pwned=1</script></svg>`);
      response.writeHead(request.url.startsWith("/missing") ? 404 : 200, { "content-type": "application/json" }).end(JSON.stringify({ method: request.method, path: request.url, body }));
    });
  });
  sockets = new WebSocketServer({ server: origin });
  sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(`echo ${data}`)));
  await new Promise((done) => origin.listen(0, "127.0.0.1", done));
  proxy = await free();
  const port = await free();
  web = `http://127.0.0.1:${port}/`;
  midwire = spawn(BIN, ["web", "--no-web-open-browser", "--set", `confdir=${folder}`, "--set", `web_password=${TOKEN}`, "--web-port", String(port), "--listen-host", "127.0.0.1", "-p", String(proxy)], { stdio: "ignore" });
  for (let tries = 0; ; tries++) {
    const up = await fetch(`${web}api/v1/state?token=${TOKEN}`).then((answer) => answer.ok, () => false);
    if (up) break;
    assert.ok(tries < 200, "midwire did not start");
    await new Promise((done) => setTimeout(done, 50));
  }
  for (const path of ["/users/1", "/users/2?q=1", "/missing", `/html?q=${encodeURIComponent(XSS)}`, "/svg"]) await fetchBy(path);
  await fetchBy("/post", { method: "POST", headers: { "content-type": "application/json" }, body: '{"a": 1}' });
});

after(async () => {
  midwire?.kill();
  sockets?.clients.forEach((client) => client.terminate());
  origin?.closeAllConnections();
  origin?.close();
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

const start = `?token=${TOKEN}`;
const row = (page, text) => rows(page).filter({ hasText: text }).first();

test("sign in with a wrong and with the right token", { skip }, async () => {
  const page = await open(web);
  const box = page.locator('input[name="token"]');
  await box.fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByText(/not the right token|wrong/i).waitFor();
  await axe(page, "login");
  await box.fill(TOKEN);
  await page.keyboard.press("Enter");
  await row(page, "/users/1").waitFor();
  await page.done();
});

test("the list shows real traffic and filters it", { skip }, async () => {
  const page = await open(web + start);
  await row(page, "/missing").waitFor();
  await page.fill("#filter-box", "~c 404");
  await until(page, () => /^1 of/.test(document.getElementById("filter-count").textContent));
  await page.fill("#filter-box", "users");
  await until(page, () => /^2 of/.test(document.getElementById("filter-count").textContent));
  await page.fill("#filter-box", "~c x");
  await page.locator("#filter-fault").getByText(/character/).waitFor();
  await page.done();
});

test("detail, body views and headers of a real flow", { skip }, async () => {
  const page = await open(web + start);
  await row(page, "/post").click();
  await page.getByRole("tab", { name: "Response" }).click();
  await page.locator(".code-row", { hasText: '"method"' }).waitFor();
  await page.getByRole("tab", { name: "Request" }).click();
  await page.locator(".header", { hasText: "content-type" }).first().waitFor();
  for (const tab of ["Timing", "Connection", "History", "Comment"]) await page.getByRole("tab", { name: tab }).click();
  await axe(page, "detail of a real flow");
  await page.done();
});

test("edit a request, replay it, and the origin sees the edit", { skip }, async () => {
  const page = await open(web + start);
  await row(page, "/post").click();
  await page.getByRole("tab", { name: "Request" }).click();
  await page.getByRole("button", { name: "Edit request" }).click();
  await page.getByLabel("Body", { exact: true }).fill('{"a": "edited"}');
  await page.getByLabel("Method").fill("PUT");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.locator(".first-text").getByText(/^PUT/).waitFor();
  const before = seen.length;
  await page.locator("#flow-grid").focus();
  await page.keyboard.press("r");
  for (let tries = 0; seen.length === before && tries < 100; tries++) await new Promise((done) => setTimeout(done, 50));
  assert.equal(seen.at(-1).method, "PUT");
  assert.equal(seen.at(-1).body, '{"a": "edited"}');
  await page.done();
});

test("intercept a request, edit it, resume it", { skip }, async () => {
  const page = await open(web + start);
  await row(page, "/users/1").waitFor();
  await page.locator("#flow-grid").focus();
  await page.keyboard.press("i");
  await page.getByLabel("Flows that match wait for you").fill("~u /held & ~q");
  await page.keyboard.press("Enter");
  await page.locator(".pill.on").waitFor();
  const answer = fetchBy("/held");
  await page.locator(".paused-pill").click();
  await page.locator(".pick", { hasText: "/held" }).waitFor();
  await axe(page, "paused");
  await page.getByLabel("Method").fill("OPTIONS");
  await page.getByRole("button", { name: "Resume as edited" }).click();
  assert.equal(JSON.parse((await answer).text).method, "OPTIONS");
  await page.getByText("Nothing is paused").waitFor();
  await page.keyboard.press("i");
  await page.getByLabel("Flows that match wait for you").fill("");
  await page.keyboard.press("Enter");
  await page.done();
});

test("websocket messages are listed", { skip }, async () => {
  const host = `127.0.0.1:${origin.address().port}`;
  const tunnel = await new Promise((done, fail) => {
    const asked = ask({ host: "127.0.0.1", port: proxy, method: "CONNECT", path: host });
    asked.on("connect", (_, raw) => done(raw));
    asked.on("error", fail);
    asked.end();
  });
  const socket = new WebSocket(`ws://${host}/socket`, { createConnection: () => tunnel });
  await new Promise((done, fail) => { socket.on("open", done); socket.on("error", fail); });
  socket.send("hello from the client");
  await new Promise((done) => socket.once("message", done));
  const page = await open(web + start);
  await row(page, "/socket").click();
  await page.getByRole("option").filter({ hasText: "hello from the client" }).first().click();
  await page.locator(".message-body .code-row", { hasText: "hello" }).first().waitFor();
  socket.close();
  await page.done();
});

test("a rule is refused at its place, tried, added, and hits", { skip }, async () => {
  const page = await open(`${web}${start}#/rules`);
  await page.getByText("No rules").waitFor();
  await page.getByLabel("Add").selectOption("block_list");
  await page.getByLabel("Rule", { exact: true }).fill("nonsense");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator(".note.bad").waitFor();
  await page.getByLabel("Rule", { exact: true }).fill("/~u blocked/418");
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.getByText(/would have hit 0/).waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator(".rule-spec", { hasText: "blocked" }).waitFor();
  assert.equal((await fetchBy("/blocked")).status, 418);
  await axe(page, "rules");
  await page.getByRole("button", { name: "Delete rule 1" }).click();
  await page.getByText("No rules").waitFor();
  await page.done();
});

test("hostile traffic stays text", { skip }, async () => {
  const page = await open(web + start);
  for (const path of ["/html", "/svg"]) {
    await row(page, path).click();
    for (const tab of ["Request", "Response", "History", "Comment"]) { await page.getByRole("tab", { name: tab }).click(); await page.waitForTimeout(100); }
  }
  assert.equal(await page.locator("#app script, #app iframe, #app [onerror], #app [onload]").count(), 0);
  await page.done();
});

test("pages of the rest open on a real midwire, without a fault", { skip }, async () => {
  const page = await open(web + start);
  for (const [hash, text] of [["connect", "Certificate authority"], ["options", "Options"], ["stats", "127.0.0.1"], ["events", "Event log"], ["compose", "Compose"]]) {
    await page.goto(`${web}#/${hash}`);
    await page.getByText(text).first().waitFor();
    await axe(page, hash);
  }
  await page.done();
});
