import { beforeAll, describe, expect, it } from "vitest";
import { isTyping, nameOf, shown, type Stroke } from "../src/lib/keys";
import { ACTIONS, actionFor } from "../src/state/actions";

const stroke = (key: string, more: Partial<Stroke> = {}): Stroke => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });

describe("nameOf", () => {
  it.each<[Stroke, string]>([[stroke("g"), "g"], [stroke("G", { shiftKey: true }), "G"], [stroke("p", { ctrlKey: true }), "Ctrl+P"], [stroke("k", { metaKey: true }), "Ctrl+K"], [stroke("ArrowDown", { shiftKey: true }), "Shift+ArrowDown"], [stroke(" "), "Space"], [stroke("f", { ctrlKey: true, shiftKey: true }), "Ctrl+Shift+F"]])("%j", (one, name) => expect(nameOf(one)).toBe(name));
  it("writes keys for people", () => expect(shown("Shift+ArrowDown")).toBe("Shift+↓"));
});

describe("keys of actions", () => {
  it("has no key twice in one view", () => {
    const seen = new Map<string, string>();
    for (const action of ACTIONS) for (const key of action.keys) {
      expect(seen.has(key), `${key}: ${seen.get(key)} and ${action.id}`).toBe(false);
      seen.set(key, action.id);
    }
  });
  it("can switch single letters off", () => {
    expect(actionFor(stroke("d"), "flows", true)?.id).toBe("delete");
    expect(actionFor(stroke("d"), "flows", false)).toBeUndefined();
    expect(actionFor(stroke("Delete"), "flows", false)?.id).toBe("delete");
  });
  it("works in its views only", () => expect(actionFor(stroke("d"), "options", true)).toBeUndefined());
  it("has mitmproxy's keys", () => {
    const wanted: Record<string, string> = { f: "filter", i: "intercept", a: "resume", A: "resume-all", r: "replay", D: "duplicate", d: "delete", m: "mark", e: "edit", x: "export", X: "kill", V: "revert", F: "follow", v: "reverse", z: "clear", "?": "help" };
    for (const [key, id] of Object.entries(wanted)) expect(actionFor(stroke(key), "flows", true)?.id).toBe(id);
  });
});

describe("isTyping", () => {
  let input: HTMLInputElement;
  beforeAll(() => { input = document.createElement("input"); });
  it("knows text boxes", () => expect(isTyping(input)).toBe(true));
  it("leaves check boxes out", () => { input.type = "checkbox"; expect(isTyping(input)).toBe(false); });
});
