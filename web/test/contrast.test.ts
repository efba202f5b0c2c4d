// @vitest-environment node
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("../src/styles/tokens.css", import.meta.url), "utf8");

/** Roles set by the block with this selector. */
function roles(selector: string): Record<string, string> {
  const at = css.indexOf(`${selector} {`) >= 0 ? css.indexOf(`${selector} {`) : css.indexOf(selector);
  const block = css.slice(css.indexOf("{", at) + 1, css.indexOf("}", at));
  return Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map((found) => [found[1] ?? "", found[2] ?? ""]));
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

const light = roles(":root");
const dark = { ...light, ...roles(':root[data-theme="dark"]') };
const THEMES: Record<string, Record<string, string>> = {
  light, dark,
  "contrast-light": { ...light, ...roles(':root[data-theme="contrast-light"]') }, "contrast-dark": { ...dark, ...roles(':root[data-theme="contrast-dark"]') },
  deutan: { ...light, ...roles('\n:root[data-theme="deutan"]') }, tritan: { ...light, ...roles('\n:root[data-theme="tritan"]') },
  "solarized-light": { ...light, ...roles(':root[data-theme="solarized-light"]') }, "solarized-dark": { ...dark, ...roles(':root[data-theme="solarized-dark"]') },
};
const TEXT = ["text", "dim", "accent", "good", "info", "warn", "bad", "paused", "mark"];
const CODE = ["json-key", "json-string", "json-number", "json-word"];

describe.each(Object.entries(THEMES))("theme %s", (_, theme) => {
  const check = (text: string, ground: string, least: number) => expect(contrast(theme[text] ?? "", theme[ground] ?? ""), `${text} on ${ground}`).toBeGreaterThanOrEqual(least);
  it("has readable text", () => {
    for (const role of TEXT) for (const ground of ["bg", "surface", "raised", "hover", "focus-row"]) check(role, ground, 4.5);
    for (const role of CODE) for (const ground of ["bg", "focus-row"]) check(role, ground, 4.5);
  });
  it("has readable text on tinted rows", () => {
    for (const role of ["text", "dim", "good", "warn", "bad", "paused", "info"]) for (const ground of ["select", "tint", "paused-bg"]) check(role, ground, 4.5);
    for (const ground of ["warn-bg", "bad-bg", "info-bg", "diff-add", "diff-del"]) check("text", ground, 4.5);
    check("on-accent", "accent", 4.5);
    check("on-hit", "hit", 4.5);
    check("on-hit", "hit-now", 4.5);
  });
  it("has visible edges and focus", () => {
    check("line-strong", "bg", 3);
    check("focus", "bg", 3);
  });
});
