// What the end-to-end tests share: a browser, a page that reports its errors, axe.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { CHROMIUM, launch } from "../scripts/browser.mjs";

const axeSource = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Why browser tests cannot run here, or nothing. */
export const skip = CHROMIUM ? false : "SKIPPED: no chromium (set CHROMIUM to its path)";
if (skip) console.error(`\n!!!!! ${skip}\n`);

export const browser = skip ? null : await launch();

/** A page in a context of its own; errors of the page fail the test at `done`. */
export async function open(url, { width = 1280, height = 800, scheme = "light", phone = false } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, isMobile: phone, hasTouch: phone, permissions: ["clipboard-read", "clipboard-write"], reducedMotion: "reduce" });
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => { if (message.type() === "error" && /Content Security Policy|Refused/.test(message.text())) errors.push(message.text()); });
  page.on("dialog", (box) => { errors.push(`dialog: ${box.message()}`); void box.dismiss(); });
  await page.goto(url);
  page.done = async () => {
    assert.equal(await page.evaluate(() => window.pwned), undefined, "captured content ran in the page");
    assert.deepEqual(errors, []);
    await context.close();
  };
  return page;
}

/** Fails with the rule and the elements where axe finds something. */
export async function axe(page, where) {
  // Evaluated by the debugger, so the policy of the page does not stand in the way.
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ["violations"] })).violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target.join(" ")} (${node.any.concat(node.all)[0]?.message ?? ""})`).slice(0, 3).join("; ")}`));
  assert.deepEqual(found, [], `axe on ${where}`);
}

/** Waits until a condition in the page holds. */
export const until = (page, test, argument) => page.waitForFunction(test, argument, { timeout: 10_000 });

export const rows = (page) => page.locator('[role="row"][data-index]');
export const focused = (page) => page.locator(".row.focused");
