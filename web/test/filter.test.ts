// @vitest-environment node
import { describe, expect, it } from "vitest";
import { and, hasTerm, literal, offers, splitAnd, termFor, without } from "../src/lib/filter";

describe("terms", () => {
  it.each([["", "~e", "~e"], ["~e", "~e", "~e"], ["~d a", "~e", "~d a & ~e"], ["~d a | ~d b", "~e", "(~d a | ~d b) & ~e"], ["(~c 200 | ~c 201)", "~e", "(~c 200 | ~c 201) & ~e"]])("%s and %s", (expr, term, out) => expect(and(expr, term)).toBe(out));
  it("splits at the top level only", () => expect(splitAnd('~u "a&b" & (~c 1 & ~c 2) & ~e')).toEqual(['~u "a&b"', "(~c 1 & ~c 2)", "~e"]));
  it("takes out what it put in", () => {
    const one = and("~d a", "(~c 200 | ~c 201)");
    expect(hasTerm(one, "(~c 200 | ~c 201)")).toBe(true);
    expect(without(one, "(~c 200 | ~c 201)")).toBe("~d a");
  });
});

describe("literal", () => {
  it.each([["a.b", "a\\.b"], ["a b", '"a b"'], ['q"', '"q\\""'], ["(x)", '"\\\\(x\\\\)"'], ["", '""']])("%s", (text, out) => expect(literal(text)).toBe(out));
});

describe("termFor", () => {
  const row = { host: "a.test", path: "/x?y=1", method: "GET", status: 404, kind: "json", client: "1.2.3.4:5", server: null, proto: "WSS" };
  it.each([["host", "~d a\\.test"], ["path", "~u /x"], ["status", "~c 404"], ["proto", "~websocket"], ["server", null], ["size", null]])("%s", (column, term) => expect(termFor(column, row)).toBe(term));
});

describe("offers", () => {
  const operators = [["~d regex", "Domain"], ["~dns", "DNS"], ["~e", "Error"]] as const;
  it("completes operators", () => expect(offers("~e & ~d", 7, operators, {}).map((one) => one.result)).toEqual(["~e & ~dns"]));
  it("completes a bare tilde", () => expect(offers("~", 1, operators, {})).toHaveLength(3));
  it("completes seen values", () => expect(offers("~d ap", 5, operators, { "~d": ["api.test", "shop.test"] })[0]?.result).toBe("~d api\\.test"));
  it("is silent in words", () => expect(offers("hello", 5, operators, {})).toEqual([]));
});
