// @vitest-environment node
import { describe, expect, it } from "vitest";
import { contentHeight, MAX_HEIGHT, reveal, slice, windowFor } from "../src/lib/virtual";

describe("slice", () => {
  it("has nothing of an empty list", () => expect(slice(0, 500, 20, 0)).toEqual({ first: 0, end: 0, top: 0, height: 0 }));
  it("starts at the top", () => expect(slice(0, 100, 20, 1000, 2)).toEqual({ first: 0, end: 8, top: 0, height: 20_000 }));
  it("keeps rows on both sides", () => {
    const part = slice(2000, 100, 20, 1000, 2);
    expect(part.first).toBe(98);
    expect(part.end).toBe(108);
    expect(part.top).toBe(98 * 20);
  });
  it("ends with the last row", () => expect(slice(19_900, 100, 20, 1000).end).toBe(1000));
  it("never holds more than the window and its margins", () => {
    for (const total of [10, 100_000, 3_000_000]) {
      for (let share = 0; share <= 1; share += 0.05) {
        const part = slice(share * contentHeight(total, 22), 800, 22, total);
        expect(part.end - part.first).toBeLessThanOrEqual(Math.ceil(800 / 22) + 14);
        expect(part.end).toBeLessThanOrEqual(total);
      }
    }
  });
  it("reaches both ends where scrolling is scaled", () => {
    const total = 2_000_000;
    expect(contentHeight(total, 22)).toBe(MAX_HEIGHT);
    expect(slice(0, 800, 22, total).first).toBe(0);
    expect(slice(MAX_HEIGHT - 800, 800, 22, total).end).toBe(total);
  });
});

describe("reveal", () => {
  it("leaves a visible row alone", () => expect(reveal(5, 0, 200, 20, 100)).toBeNull());
  it("scrolls up to a row above", () => expect(reveal(2, 100, 200, 20, 100)).toBe(40));
  it("scrolls just far enough down", () => expect(reveal(20, 0, 200, 20, 100)).toBe(220));
  it("shows the last of very many rows", () => {
    const total = 2_000_000;
    const place = reveal(total - 1, 0, 800, 22, total) ?? 0;
    const part = slice(place, 800, 22, total, 0);
    expect(part.end).toBe(total);
  });
});

describe("windowFor", () => {
  it("is centred", () => expect(windowFor(1000, 1040, 100_000)).toEqual({ offset: 870, count: 300 }));
  it("stays inside", () => {
    expect(windowFor(0, 40, 100_000).offset).toBe(0);
    expect(windowFor(99_990, 100_000, 100_000)).toEqual({ offset: 99_700, count: 300 });
    expect(windowFor(0, 5, 5)).toEqual({ offset: 0, count: 5 });
  });
});
