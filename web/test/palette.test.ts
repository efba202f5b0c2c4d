// @vitest-environment node
import { describe, expect, it } from "vitest";
import { match, rank } from "../src/lib/fuzzy";

const best = (text: string, items: string[], recent: string[] = []) => rank(text, items, (item) => item, (item) => recent.indexOf(item)).map(({ item }) => item);

describe("match", () => {
  it("wants the letters in order", () => {
    expect(match("rp", "Replay")).not.toBeNull();
    expect(match("pr", "Replay x")).toBeNull();
  });
  it("marks what it matched", () => expect(match("play", "Replay")?.at).toEqual([2, 3, 4, 5]));
  it("takes several words in any order", () => expect(match("path tree", "List as a tree of hosts and paths")).not.toBeNull());
});

describe("rank", () => {
  it("prefers starts of words to scattered letters", () => expect(best("res", ["List as presets", "Resume the flow", "Reverse the sort"])[0]).toBe("Resume the flow"));
  it("prefers initials", () => expect(best("gtr", ["Go to rules", "great big tree"])[0]).toBe("Go to rules"));
  it("prefers what was used lately", () => expect(best("flow", ["Next flow", "Open flow"], ["Open flow"])[0]).toBe("Open flow"));
  it("keeps the order where nothing is typed", () => expect(best("", ["b", "a"])).toEqual(["b", "a"]));
  it("gives no more than asked for", () => expect(rank("o", Array.from({ length: 500 }, (_, i) => `option ${i}`), (item) => item, () => -1, 40)).toHaveLength(40));
});
