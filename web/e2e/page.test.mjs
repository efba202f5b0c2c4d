// The page against the mock server: list, detail, keys, dialogs, hostile content, accessibility.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { serve } from "../mock/server.mjs";
import { axe, browser, open, rows, skip, until } from "./help.mjs";

let mock;
before(async () => { mock = await serve({ flows: 500, paused: 2 }); });
after(async () => { await mock?.stop(); await browser?.close(); });

const id = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const count = (page) => page.locator("#filter-count").textContent();

test("the list shows rows, a count, and few elements", { skip }, async () => {
  const page = await open(mock.url);
  await rows(page).first().waitFor();
  assert.match(await count(page), /^\d+ flows$/);
  assert.equal(await page.locator("#flow-grid").getAttribute("aria-rowcount"), "501");
  assert.ok((await page.evaluate(() => document.querySelectorAll("*").length)) < 3000);
  assert.match(await page.title(), /2.*500 flows/);
  await page.done();
});

test("the filter narrows while typing, points at errors, and Esc restores", { skip }, async () => {
  const page = await open(mock.url);
  await rows(page).first().waitFor();
  await page.keyboard.press("f");
  await page.keyboard.type("users 404");
  await until(page, () => / of 500$/.test(document.getElementById("filter-count").textContent) && !/^500 of/.test(document.getElementById("filter-count").textContent));
  await until(page, () => { const all = [...document.querySelectorAll("[data-index]")]; return all.length > 0 && all.every((row) => /users.*404/.test(row.textContent)); });
  await page.fill("#filter-box", "~c abc");
  await page.locator("#filter-fault").getByText("~c wants a number").waitFor();
  assert.match(await page.locator("#filter-fault").textContent(), /character 4/);
  assert.equal(await page.locator("#filter-box").getAttribute("aria-invalid"), "true");
  assert.ok((await rows(page).count()) > 0, "the last good list stays");
  await page.keyboard.press("Escape");
  await until(page, () => document.getElementById("filter-count").textContent === "500 flows");
  assert.equal(await page.evaluate(() => document.activeElement.id), "flow-grid");
  await page.fill("#filter-box", "~d nothing.here");
  await page.getByText("0 of 500 match").waitFor();
  await page.done();
});

test("chips are filter expressions that show in the box", { skip }, async () => {
  const page = await open(mock.url);
  await page.getByRole("button", { name: "errors", exact: true }).click();
  assert.equal(await page.inputValue("#filter-box"), "~e");
  await page.getByRole("button", { name: "json", exact: true }).click();
  assert.equal(await page.inputValue("#filter-box"), "~e & ~ts json");
  await page.getByRole("button", { name: "errors", exact: true }).click();
  assert.equal(await page.inputValue("#filter-box"), "~ts json");
  await page.done();
});

test("columns sort with aria-sort, hide and come back", { skip }, async () => {
  const page = await open(mock.url);
  await rows(page).first().waitFor();
  const header = page.getByRole("columnheader", { name: "Size" });
  await header.getByRole("button").click();
  await until(page, () => [...document.querySelectorAll('[aria-sort="ascending"]')].some((one) => one.textContent.includes("Size")));
  await header.getByRole("button").click();
  assert.equal(await header.getAttribute("aria-sort"), "descending");
  await header.click({ button: "right" });
  await page.getByRole("menuitem", { name: "Hide Size" }).click();
  assert.equal(await header.count(), 0);
  await page.reload();
  await rows(page).first().waitFor();
  assert.equal(await header.count(), 0, "the choice is kept");
  await page.done();
});

test("everything by keyboard: move, open, tabs, close, select, delete", { skip }, async () => {
  const local = await serve({ flows: 60 });
  const page = await open(local.url);
  await rows(page).first().waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip-link");
  await page.keyboard.press("Enter");
  await page.keyboard.press("g");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await until(page, () => document.querySelector(".row.focused")?.dataset.index === "2");
  await page.keyboard.press("Enter");
  await page.getByRole("tab", { name: "Response" }).waitFor();
  assert.match(page.url(), new RegExp(id(3)));
  await page.keyboard.press("h");
  await until(page, () => document.querySelector('[role="tab"][aria-selected="true"]').dataset.tab === "request");
  await page.keyboard.press("Space");
  await until(page, (next) => location.hash.includes(next), id(4));
  assert.match(page.url(), /request$/, "the tab stays from flow to flow");
  await page.keyboard.press("Escape");
  await until(page, () => location.hash === "#/flows");
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Shift+ArrowDown");
  await page.getByText("3 selected").waitFor();
  await page.keyboard.press("d");
  await until(page, () => document.getElementById("filter-count").textContent === "57 flows");
  await page.keyboard.press("z");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await until(page, () => !document.querySelector("dialog"));
  assert.equal(await page.evaluate(() => document.activeElement.id), "flow-grid", "focus comes back from the dialog");
  await page.done();
  await local.stop();
});

test("single-letter keys can be switched off", { skip }, async () => {
  const page = await open(mock.url);
  await rows(page).first().waitFor();
  await page.keyboard.press(",");
  await page.getByLabel(/Single-letter keys/).uncheck();
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog", { name: "Command palette" }).waitFor();
  await page.done();
});

test("bodies: search, fold, copy the path; big bodies come in parts", { skip }, async () => {
  const page = await open(`${mock.url}#/flows/${id(72)}/response`);
  await page.getByText(/First 2\s000 of/).waitFor();
  assert.ok((await page.evaluate(() => document.querySelectorAll("*").length)) < 3000);
  await page.keyboard.press("/");
  await page.keyboard.type("user 7");
  await page.locator(".find-count").getByText(/^1\/\d+/).waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".find-count").getByText(/^2\/\d+/).waitFor();
  assert.ok((await page.locator("mark.now").count()) > 0);
  await page.locator(".code-row", { hasText: '"id": 7' }).first().click();
  assert.match(await page.locator(".path-text").textContent(), /^\$\[\d+\]\.id$/);
  await page.getByRole("button", { name: "Show all" }).click();
  await until(page, () => !document.querySelector(".more"));
  await page.getByRole("button", { name: "fold 1" }).click();
  await page.locator(".fold-mark").first().waitFor();
  await page.done();
});

test("states of a body are told apart", { skip }, async () => {
  const page = await open(`${mock.url}#/flows/${id(96)}/response`);
  await page.getByText("The body was evicted").waitFor();
  for (const [n, text] of [[108, "Not captured"], [84, "Decoded: no"], [12, "Cut off: 17 B of 4.1 kB arrived"], [120, "The flow ended"]]) {
    await page.goto(`${mock.url}#/flows/${id(n)}/response`);
    await page.getByText(text).first().waitFor();
  }
  await page.done();
});

test("edit a request and see before and after", { skip }, async () => {
  const page = await open(`${mock.url}#/flows/${id(5)}/request`);
  await page.getByRole("button", { name: "Edit request" }).click();
  await page.getByLabel("Method").fill("PUT");
  await page.getByRole("button", { name: "Add header" }).click();
  await page.getByLabel(/Name of header/).last().fill("x-new");
  await page.getByLabel(/Value of header/).last().fill("1");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.locator(".first-text").getByText(/^PUT/).waitFor();
  await page.locator(".header.added", { hasText: "x-new" }).waitFor();
  await page.getByRole("button", { name: "Before" }).click();
  await page.locator(".first-text").getByText(/^(?!PUT)/).waitFor();
  await page.done();
});

test("paused flows: edit, resume, kill", { skip }, async () => {
  const local = await serve({ flows: 20, paused: 2 });
  const page = await open(`${local.url}#/paused`);
  await page.getByText("2 paused").first().waitFor();
  await page.getByLabel("Method").fill("PATCH");
  await page.getByRole("button", { name: "Resume as edited" }).click();
  await page.getByText("1 paused").first().waitFor();
  await page.getByRole("button", { name: "Kill" }).click();
  await page.getByText("Nothing is paused").waitFor();
  await page.done();
  await local.stop();
});

test("rules: add, refusal at its place, dry run, toggle", { skip }, async () => {
  const page = await open(`${mock.url}#/rules`);
  await page.getByLabel("Add").selectOption("block_list");
  await page.getByLabel("Rule", { exact: true }).fill("nonsense");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("the rule begins with its separator").waitFor();
  await page.getByLabel("Rule", { exact: true }).fill("/~d api/403");
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.getByText(/would have hit \d+/).waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("/~d api/403").waitFor();
  await page.done();
});

test("nothing that was captured runs in the page", { skip }, async () => {
  const page = await open(mock.url);
  await page.fill("#filter-box", "hostile");
  await rows(page).first().waitFor();
  for (const tab of ["request", "response", "comment", "history"]) {
    await page.goto(`${mock.url}#/flows/${id(60)}/${tab}`);
    await page.locator(".detail-head").waitFor();
  }
  for (const n of [48, 60, 72]) for (const tab of ["request", "response", "messages", "comment"]) {
    await page.goto(`${mock.url}#/flows/${id(n)}/${tab}`);
    await page.waitForTimeout(120);
    for (const button of await page.getByRole("button", { name: /^Decode / }).all()) await button.click();
  }
  for (const view of ["events", "stats", "search"]) await page.goto(`${mock.url}#/${view}`);
  assert.equal(await page.locator("#app script, #app iframe, #app object, #app embed").count(), 0);
  assert.equal(await page.locator("#app [onerror], #app [onload]").count(), 0);
  await page.done();
});

test("a lost connection shows a banner; the list stays; it comes back", { skip }, async () => {
  const local = await serve({ flows: 30 });
  const page = await open(local.url);
  await rows(page).first().waitFor();
  const port = Number(new URL(local.url).port);
  await local.stop();
  await page.getByText("The connection to midwire is lost.").waitFor();
  await page.getByText(/Next try in \d+ s/).waitFor();
  assert.ok((await rows(page).count()) > 10);
  await page.keyboard.press("g");
  await page.keyboard.press("r");
  await page.getByText(/has to wait/).waitFor();
  const again = await serve({ flows: 31, port });
  await page.getByRole("button", { name: "Try now" }).click();
  await until(page, () => document.getElementById("filter-count").textContent === "31 flows" && !document.querySelector(".banner"));
  await page.done();
  await again.stop();
});

test("new rows do not move the list; a line tells of them", { skip }, async () => {
  const local = await serve({ flows: 200 });
  const page = await open(local.url);
  await rows(page).first().waitFor();
  await page.keyboard.press("g");
  await until(page, () => document.getElementById("flow-grid").scrollTop === 0);
  local.add(37);
  await page.getByRole("button", { name: /37 new below/ }).waitFor();
  assert.equal(await page.evaluate(() => document.getElementById("flow-grid").scrollTop), 0);
  await page.keyboard.press("G");
  await until(page, () => document.querySelector(".row.focused")?.dataset.index === "236");
  await page.done();
  await local.stop();
});

test("sign in: a wrong token, then the right one", { skip }, async () => {
  const local = await serve({ flows: 5, token: "secret" });
  const page = await open(local.url);
  await page.getByLabel("Token").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("Wrong token.").waitFor();
  await page.getByLabel("Token").fill("secret");
  await page.keyboard.press("Enter");
  await rows(page).first().waitFor();
  await page.context().clearCookies();
  await page.goto(`${local.url}static/`).catch(() => {});
  await page.done();
  await local.stop();
});

test("a phone has two screens and large targets", { skip }, async () => {
  const page = await open(mock.url, { width: 390, height: 800, phone: true });
  await rows(page).first().waitFor();
  assert.ok((await rows(page).first().boundingBox()).height >= 44);
  await rows(page).last().tap();
  await page.getByRole("button", { name: "Flows" }).waitFor();
  assert.equal(await page.locator("#flow-grid").count(), 0);
  for (const button of await page.locator(".back-bar .button, .head-actions .button, .tab").all()) assert.ok((await button.boundingBox()).height >= 44);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing sticks out");
  await page.getByRole("button", { name: "Flows" }).tap();
  await page.locator("#flow-grid").waitFor();
  await page.done();
});

test("axe finds nothing", { skip }, async () => {
  for (const scheme of ["light", "dark"]) {
    const page = await open(mock.url, { scheme });
    await rows(page).first().waitFor();
    await axe(page, `list, ${scheme}`);
    for (const [where, hash] of [["error", `flows/${id(120)}/error`], ["request", `flows/${id(1)}/request`], ["response", `flows/${id(1)}/response`], ["partial", `flows/${id(12)}/response`], ["messages", `flows/${id(36)}/messages`], ["events", `flows/${id(24)}/events`], ["timing", `flows/${id(1)}/timing`], ["connection", `flows/${id(3)}/connection`], ["comment", `flows/${id(1)}/comment`], ["history", `flows/${id(30)}/history`], ["paused", "paused"], ["rules", "rules"], ["connect", "connect"], ["options", "options"], ["stats", "stats"], ["log", "events"], ["compose", "compose"], ["compare", `compare/${id(1)}/${id(2)}`], ["search", "search"]]) {
      await page.goto(`${mock.url}#/${hash}`);
      await page.waitForTimeout(250);
      await axe(page, `${where}, ${scheme}`);
    }
    await page.goto(`${mock.url}#/flows`);
    await rows(page).first().waitFor();
    await page.keyboard.press("g");
    for (const [key, name] of [["Control+k", "palette"], ["?", "help"], [",", "settings"], ["c", "columns"], ["y", "copy"], ["x", "export"], [";", "comment"], ["i", "intercept"], ["z", "confirm"]]) {
      await page.locator("#flow-grid").focus();
      await page.keyboard.press(key);
      await page.locator("dialog[open]").waitFor();
      await page.waitForTimeout(150);
      await axe(page, `${name}, ${scheme}`);
      await page.keyboard.press("Escape");
      await until(page, () => !document.querySelector("dialog"));
    }
    for (const key of ["2", "3", "1"]) {
      await page.keyboard.press(key);
      await page.waitForTimeout(250);
      await axe(page, `list mode ${key}, ${scheme}`);
    }
    await page.locator("#flow-grid").focus();
    await page.keyboard.press("Shift+F10");
    await page.getByRole("menu").waitFor();
    await axe(page, `row menu, ${scheme}`);
    await page.done();
  }
});
