// Measures the page on a running midwire that has many flows; prints one line for each figure.
//   node scripts/measure.mjs --url 'http://127.0.0.1:8081/?token=TOKEN'
//   node scripts/measure.mjs --mock 100000        (the page alone, against the mock server)
import { launch } from "./browser.mjs";

const option = (name) => { const at = process.argv.indexOf(`--${name}`); return at < 0 ? undefined : process.argv[at + 1]; };
const mock = option("mock") ? await (await import("../mock/server.mjs")).serve({ flows: Number(option("mock")), live: Number(option("live") ?? 0) }) : null;
const url = mock?.url ?? option("url") ?? "http://127.0.0.1:8081/";
const browser = await launch(["--enable-precise-memory-info", "--js-flags=--expose-gc"]);
const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
const p95 = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length * 0.95)] ?? 0;
const say = (what, value) => console.log(`${what.padEnd(46)} ${value}`);

await page.addInitScript(() => {
  window.longTasks = [];
  new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask", buffered: true });
});
// The first visit only signs in and fills the cache of the browser's code; the second is measured.
const starts = [];
for (let i = 0; i < 4; i++) {
  await page.goto(i === 0 ? url : new URL("/", url).href);
  starts.push(await page.evaluate(() => new Promise((done) => {
    const look = () => (document.querySelector(".row[data-index] .c-host, .row[data-index] .host") ? requestAnimationFrame(() => done(performance.now())) : requestAnimationFrame(look));
    look();
  })));
}
say("navigation to first painted rows, ms (median)", Math.round(median(starts.slice(1))));
say("flows", await page.locator("#filter-count").textContent());

const keystrokes = [];
for (const text of ["a", "ap", "api", "api ", "api u", "api us", "~c 404", "~d api & ~m GET", "~e"]) {
  keystrokes.push(await page.evaluate((value) => new Promise((done) => {
    const box = document.getElementById("filter-box");
    const count = document.getElementById("filter-count");
    const before = count.textContent;
    const start = performance.now();
    const watch = new MutationObserver(() => { if (count.textContent !== before) { watch.disconnect(); requestAnimationFrame(() => done(performance.now() - start)); } });
    watch.observe(count, { characterData: true, childList: true, subtree: true });
    box.value = value;
    box.dispatchEvent(new InputEvent("input", { bubbles: true }));
    setTimeout(() => { watch.disconnect(); done(null); }, 1500);
  }), text));
  await page.waitForTimeout(150);
}
const answered = keystrokes.filter((time) => time !== null);
say("filter key stroke to new list, ms (median, max)", `${Math.round(median(answered))}, ${Math.round(Math.max(...answered))} (${answered.length} strokes that changed the count)`);
await page.fill("#filter-box", "");
await page.waitForTimeout(800);

const scroll = await page.evaluate(() => new Promise((done) => {
  window.longTasks.length = 0;
  const grid = document.getElementById("flow-grid");
  grid.dispatchEvent(new WheelEvent("wheel"));
  grid.scrollTop = 0;
  const frames = [];
  let last = performance.now();
  let left = 120;
  const step = () => {
    const now = performance.now();
    frames.push(now - last);
    last = now;
    grid.scrollTop += 600;
    if (--left > 0) requestAnimationFrame(step);
    else done({ frames, long: window.longTasks.slice(), nodes: document.querySelectorAll("*").length });
  };
  requestAnimationFrame(step);
}));
say("scroll 120 x 600 px: frame ms (median, p95)", `${Math.round(median(scroll.frames))}, ${Math.round(p95(scroll.frames))}`);
say("scroll: long tasks (count, longest ms)", `${scroll.long.length}, ${Math.round(Math.max(0, ...scroll.long))}`);
say("elements in the page", scroll.nodes);
const jump = await page.evaluate(() => new Promise((done) => {
  const grid = document.getElementById("flow-grid");
  const start = performance.now();
  grid.scrollTop = grid.scrollHeight / 2;
  const look = () => { const rows = [...document.querySelectorAll(".rows .row")]; if (rows.length > 10 && rows.every((row) => !row.classList.contains("waiting"))) done(performance.now() - start); else requestAnimationFrame(look); };
  requestAnimationFrame(() => requestAnimationFrame(look));
}));
say("jump to the middle until rows are there, ms", Math.round(jump));
const heap = await page.evaluate(() => { window.gc?.(); return performance.memory.usedJSHeapSize; });
say("page heap, MB", (heap / 1e6).toFixed(1));
await browser.close();
await mock?.stop();
