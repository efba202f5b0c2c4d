// @vitest-environment node
import { describe, expect, it } from "vitest";
import { around, diffLines } from "../src/lib/diff";

const sides = (before: string, after: string) => {
  const lines = diffLines(before, after);
  return [lines.filter((line) => line.op !== "added").map((line) => line.text).join("\n"), lines.filter((line) => line.op !== "removed").map((line) => line.text).join("\n")];
};

describe("diffLines", () => {
  it.each([["", ""], ["a\nb\nc", "a\nx\nc"], ["a", "a\nb"], ["a\nb\nc\nd", "d\nc"], ["x", ""], ["1\n2\n3\n4", "1\n3\n2\n4"]])("gives both sides back: %j %j", (before, after) => expect(sides(before, after)).toEqual([before, after]));
  it("marks only what changed", () => expect(diffLines("a\nb\nc", "a\nx\nc").map((line) => line.op)).toEqual(["same", "removed", "added", "same"]));
  it("does not try every pair of very long texts", () => {
    const text = (c: string) => Array.from({ length: 5000 }, (_, i) => c + i).join("\n");
    expect(sides(text("a"), text("b"))).toEqual([text("a"), text("b")]);
  });
});

describe("around", () => {
  it("folds long equal runs", () => {
    const same = Array.from({ length: 50 }, (_, i) => `l${i}`).join("\n");
    const lines = around(diffLines(`${same}\na`, `${same}\nb`), 3);
    expect(lines[0]).toEqual({ skipped: 47 });
    expect(lines).toHaveLength(1 + 3 + 2);
  });
});
