// Screenshots of a running midwire with traffic in it, for docs/screenshots.
//   node scripts/screenshots.mjs --url 'http://127.0.0.1:8081/?token=TOKEN' [--out ../docs/screenshots]
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launch } from "./browser.mjs";

const option = (name, start) => { const at = process.argv.indexOf(`--${name}`); return at < 0 ? start : process.argv[at + 1]; };
const base = new URL(option("url", "http://127.0.0.1:8081/"));
const out = option("out", fileURLToPath(new URL("../../docs/screenshots", import.meta.url)));
mkdirSync(out, { recursive: true });

const query = new URL("/api/v1/flows?count=1000", base);
if (base.searchParams.get("token")) query.searchParams.set("token", base.searchParams.get("token"));
const { rows } = await (await fetch(query)).json();
const flow = (text) => encodeURIComponent(rows.find((row) => row.url.includes(text))?.id ?? rows[0]?.id ?? "");

/** Name, place, colours, width, keys pressed before the picture is taken. */
const SHOTS = [
  ["list-light", "#/flows", "light", 1280, []],
  ["detail-light", `#/flows/${flow("/graphql")}/response`, "light", 1280, []],
  ["detail-dark", `#/flows/${flow("/graphql")}/response`, "dark", 1280, []],
  ["messages-dark", `#/flows/${flow("/ws/ticker")}/messages`, "dark", 1280, []],
  ["waterfall-light", "#/flows", "light", 1280, ["2"]],
  ["tree-dark", "#/flows", "dark", 1280, ["3"]],
  ["connect-light", "#/connect", "light", 1280, []],
  ["palette-dark", "#/flows", "dark", 1280, ["Control+k", "r", "e", "p"]],
  ["phone-list-light", "#/flows", "light", 390, []],
  ["phone-detail-dark", `#/flows/${flow("/graphql")}/response`, "dark", 390, []],
];

const browser = await launch();
for (const [name, hash, colorScheme, width, keys] of SHOTS) {
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, isMobile: width < 700, hasTouch: width < 700, reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.goto(`${base}${hash}`);
  await page.waitForTimeout(900);
  for (const key of keys) {
    await page.keyboard.press(key);
    await page.waitForTimeout(250);
  }
  await page.waitForTimeout(200);
  await page.screenshot({ path: `${out}/${name}.png` });
  await context.close();
}
await browser.close();
