/** Fuzzy ranking for the palette: letters in order; starts of words and runs count more. */

export interface Match {
  score: number;
  /** Places of the matched letters. */
  at: number[];
}

export function match(pattern: string, text: string): Match | null {
  const words = pattern.toLowerCase().split(/\s+/).filter(Boolean);
  const lower = text.toLowerCase();
  let score = 0;
  const at: number[] = [];
  for (const word of words) {
    const found = one(word, lower, text);
    if (!found) return null;
    score += found.score;
    at.push(...found.at);
  }
  return { score: score - text.length * 0.01, at: at.sort((a, b) => a - b) };
}

function one(word: string, lower: string, text: string): Match | null {
  const whole = lower.indexOf(word);
  if (whole >= 0) {
    const start = whole === 0 ? 30 : isStart(text, whole) ? 20 : 0;
    return { score: 40 + word.length * 4 + start, at: Array.from(word, (_, i) => whole + i) };
  }
  const at: number[] = [];
  let from = 0;
  let score = 0;
  for (const letter of word) {
    // A start of a word is preferred to the next place.
    let place = lower.indexOf(letter, from);
    if (place < 0) return null;
    if (!isStart(text, place)) {
      for (let next = place; next >= 0; next = lower.indexOf(letter, next + 1)) {
        if (isStart(text, next) && rest(word, lower, next, at.length)) {
          place = next;
          break;
        }
      }
    }
    const last = at[at.length - 1];
    score += isStart(text, place) ? 8 : last !== undefined && place === last + 1 ? 5 : 1;
    at.push(place);
    from = place + 1;
  }
  return { score, at };
}

/** Whether the letters after number `done` still follow behind `place`. */
function rest(word: string, lower: string, place: number, done: number): boolean {
  let from = place + 1;
  for (const letter of Array.from(word).slice(done + 1)) {
    const next = lower.indexOf(letter, from);
    if (next < 0) return false;
    from = next + 1;
  }
  return true;
}

function isStart(text: string, place: number): boolean {
  if (place === 0) return true;
  const before = text[place - 1] ?? "";
  const here = text[place] ?? "";
  return !/[a-z0-9]/i.test(before) || (/[a-z]/.test(before) && /[A-Z]/.test(here));
}

export interface Ranked<T> {
  item: T;
  at: number[];
}

/** Best first; what was used lately comes first among equals. */
export function rank<T>(pattern: string, items: readonly T[], text: (item: T) => string, recent: (item: T) => number, limit = 50): Ranked<T>[] {
  const found: { item: T; at: number[]; score: number; order: number }[] = [];
  items.forEach((item, order) => {
    const hit = match(pattern, text(item));
    if (!hit) return;
    const place = recent(item);
    found.push({ item, at: hit.at, score: hit.score + (place >= 0 ? Math.max(2, 16 - place * 2) : 0), order });
  });
  found.sort((a, b) => b.score - a.score || a.order - b.order);
  return found.slice(0, limit).map(({ item, at }) => ({ item, at }));
}
