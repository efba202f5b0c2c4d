import { describe, expect, it } from "vitest";
import { backoff } from "../src/api/live";
import type { Flow } from "../src/api/types";
import { arrange, COLUMNS, fit, template } from "../src/lib/columns";
import { bytes, clock, count, duration, middle, ms, size, visible } from "../src/lib/format";
import { decoded, jwt } from "../src/lib/header-values";
import { format, parse } from "../src/state/route";
import { changes } from "../src/views/detail/headers";
import { changesOf, draftOf } from "../src/views/detail/editor";
import { foldRepeats } from "../src/views/events";
import { ignores } from "../src/views/compare";
import { nodeFilter } from "../src/views/list/tree";

describe("format", () => {
  it("counts", () => expect(count(18733)).toBe("18\u202f733"));
  it.each([[0, "0"], [999, "999"], [3100, "3.1k"], [12_345_678, "12M"]])("size %i", (n, text) => expect(size(n)).toBe(text));
  it("spells sizes", () => expect([bytes(5), bytes(4096), bytes(null)]).toEqual(["5 B", "4.1 kB", "unknown size"]));
  it("times", () => expect([ms(0.0301), ms(0.0001), ms(12.5), duration(0.683), duration(75)]).toEqual(["30", "<1", "12.5s", "683 ms", "1 min 15 s"]));
  it("knows no time", () => expect([ms(null), clock(null), duration(undefined)]).toEqual(["", "", ""]));
  it("cuts in the middle", () => expect(middle("/static/vendor/app.js", 12)).toHaveLength(12));
  it("shows what would steer the page", () => expect(visible("a\u0000b\u202ec\r\n\t\u001b[31m")).toBe("a\\x00b\\u202ec\\x0d\\x0a\t\\x1b[31m"));
});

describe("columns", () => {
  it("keeps a stored choice and adds what is new", () => {
    const all = arrange([{ id: "path", width: 0, shown: true }, { id: "gone", width: 10, shown: true }, { id: "n", width: 5, shown: false }]);
    expect(all).toHaveLength(COLUMNS.length);
    expect(all[0]?.id).toBe("path");
    expect(all[1]).toMatchObject({ id: "n", width: 32, shown: false });
  });
  it("never gives up method, host, path, status", () => expect(fit(arrange([]), 300).map((column) => column.id)).toEqual(["method", "host", "path", "status"]));
  it("gives the path the free width", () => expect(template(fit(arrange([]), 2000))).toContain("minmax(120px, 1fr)"));
});

describe("routes", () => {
  it.each(["flows", "paused", "compare"] as const)("%s and back", (view) => expect(parse(format(view, "a/b", "c?#"))).toEqual({ view, args: ["a/b", "c?#"] }));
  it("falls back to the list", () => expect([parse("").view, parse("#/nowhere").view, parse("#/flows/%zz").args[0]]).toEqual(["flows", "flows", "%zz"]));
});

describe("headers", () => {
  it("decodes cookies", () => expect(decoded("Cookie", "a=1; b=x%20y")).toEqual([["a", "1"], ["b", "x%20y  =  x y"]]));
  it("decodes basic authorization", () => expect(decoded("authorization", `Basic ${btoa("u:p:q")}`)).toContainEqual(["password", "p:q"]));
  it("decodes tokens and leaves others", () => {
    const token = `${btoa('{"alg":"none"}')}.${btoa('{"exp":1}')}.x`;
    expect(jwt(token)).toContainEqual(["exp", "1  =  1970-01-01T00:00:01Z, expired"]);
    expect([jwt("a.b"), jwt("!.!.!"), decoded("x", "plain"), decoded("authorization", "Digest x")]).toEqual([null, null, null, null]);
  });
  it("finds changes", () => {
    const found = changes([["A", "1"], ["B", "2"], ["C", "3"]], [["a", "1"], ["B", "9"], ["D", "4"]]);
    expect([...found.changed]).toEqual([["b\n9", "2"], ["d\n4", null]]);
    expect(found.removed).toEqual([["C", "3"]]);
  });
});

describe("editor", () => {
  const flow = { url: "http://a.test/x", request: { method: "GET", headers: [["a", "1"]], http_version: "HTTP/1.1" }, response: null } as unknown as Flow;
  const none = { text: null, base64: null };
  it("sends only what changed", () => {
    const draft = draftOf(flow, "request");
    expect(changesOf(flow, "request", draft, none)).toEqual({});
    expect(changesOf(flow, "request", { ...draft, method: "POST", url: "https://[::1]:8443/y?z" }, { text: "b", base64: null })).toEqual({ method: "POST", scheme: "https", host: "::1", port: 8443, path: "/y?z", content: "b" });
  });
  it("refuses what cannot be sent", () => {
    expect(changesOf(flow, "request", { ...draftOf(flow, "request"), url: "nonsense" }, none)).toMatch(/scheme/);
    expect(changesOf(flow, "response", { ...draftOf(flow, "response"), status: "2" }, none)).toMatch(/three digits/);
  });
});

describe("other", () => {
  it("backs off", () => expect([1, 2, 3, 4, 5, 9].map(backoff)).toEqual([1, 2, 4, 8, 15, 15]));
  it("folds repeats", () => expect(foldRepeats([1, 2, 3].map((id) => ({ id, level: "info", message: id < 3 ? "a" : "b", time: id }))).map((line) => line.times)).toEqual([2, 1]));
  it("ignores by name and by path", () => {
    const drop = ignores("date, .book");
    expect(["Date", ".book[1]", "etag"].map(drop)).toEqual([true, true, false]);
  });
  it("filters by a node of the tree", () => expect(nodeFilter(["a.test", "/api", "/{id}"])).toBe('~d a\\.test & ~u "/api/[^/?]+"'));
});
