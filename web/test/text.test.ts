// @vitest-environment node
import { describe, expect, it } from "vitest";
import { pieces, tokens } from "../src/lib/highlight";
import { blocks, jsonPath, rows, search } from "../src/lib/text";

const JSON_LINES = ['{', '    "data": {', '        "viewer": {', '            "id": 1', "        },", '        "list": [', "            {", '                "a": 1', "            },", "            2", "        ]", "    },", '    "odd name": null', "}"];

describe("blocks", () => {
  it("folds by indentation", () => {
    const ends = blocks(JSON_LINES);
    expect(ends.get(0)).toBe(12);
    expect(ends.get(1)).toBe(10);
    expect(ends.get(2)).toBe(3);
    expect(ends.has(3)).toBe(false);
  });
  it("finds none in flat text", () => expect(blocks(["a", "b", "", "c"]).size).toBe(0));
});

describe("rows", () => {
  const ends = blocks(JSON_LINES);
  it("is one row a line", () => expect(rows(JSON_LINES, ends, { columns: null, folded: new Set() })).toHaveLength(JSON_LINES.length));
  it("hides a folded block and its closing bracket", () => {
    const shown = rows(JSON_LINES, ends, { columns: null, folded: new Set([2]) });
    expect(shown.map((row) => row.line)).toEqual([0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    expect(shown[2]?.folded).toBe(1);
  });
  it("wraps hard and loses nothing", () => {
    const long = "x".repeat(200_000);
    const shown = rows([long], new Map(), { columns: 100, folded: new Set() });
    expect(shown).toHaveLength(2000);
    expect(shown.map((row) => long.slice(row.start, row.end)).join("")).toBe(long);
  });
  it("keeps empty lines", () => expect(rows(["", "a", ""], new Map(), { columns: 10, folded: new Set() })).toHaveLength(3));
});

describe("search", () => {
  it("finds all, without case", () => expect(search(["Ab ab", "cAB"], "ab", { regex: false, matchCase: false })).toHaveLength(3));
  it("takes signs literally", () => expect(search(["a.b", "axb"], "a.b", { regex: false, matchCase: true })).toHaveLength(1));
  it("takes a pattern", () => expect(search(["a1", "a22"], "\\d+", { regex: true, matchCase: true }).map((hit) => hit.end - hit.start)).toEqual([1, 2]));
  it("survives a broken or empty pattern", () => {
    expect(search(["a"], "(", { regex: true, matchCase: true })).toEqual([]);
    expect(search(["a"], "x*", { regex: true, matchCase: true })).toEqual([]);
  });
  it("stops at its limit", () => expect(search(["a".repeat(50_000)], "a", { regex: false, matchCase: true })).toHaveLength(10_000));
});

describe("jsonPath", () => {
  it.each([[3, "$.data.viewer.id"], [7, "$.data.list[0].a"], [9, "$.data.list[1]"], [12, '$["odd name"]'], [1, "$.data"]])("line %i", (line, path) => expect(jsonPath(JSON_LINES, line)).toBe(path));
  it("has none for a closing bracket", () => expect(jsonPath(JSON_LINES, 4)).toBeNull());
});

describe("tokens and pieces", () => {
  it("loses no character", () => {
    for (const line of ['  "a\\"b": [1, -2.5e3, true], null', "<a href='x'>t</a> <!-- c", "body { color: #fff; } // x", "key: value 'q", "\u0000\u202e"]) {
      for (const syntax of ["json", "xml", "css", "none"]) expect(tokens(line, syntax).map((token) => token.text).join("")).toBe(line);
    }
  });
  it("knows keys from strings", () => expect(tokens('"k": "v"', "json").filter((token) => token.role).map((token) => [token.text, token.role])).toEqual([['"k"', "key"], [":", "dim"], ['"v"', "string"]]));
  it("splits at hits", () => {
    const parts = pieces([{ text: "hello ", role: "" }, { text: "world", role: "key" }], 0, 11, [[4, 8, 0]]);
    expect(parts.map((part) => [part.text, part.hit])).toEqual([["hell", -1], ["o ", 0], ["wo", 0], ["rld", -1]]);
  });
  it("cuts to a row", () => expect(pieces([{ text: "0123456789", role: "" }], 3, 6, [[0, 10, 5]])).toEqual([{ text: "345", role: "", hit: 5 }]));
});
