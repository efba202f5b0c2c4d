/** Line difference of two texts, for edits before they are sent. */

export interface DiffLine {
  op: "same" | "added" | "removed";
  text: string;
  left: number | null;
  right: number | null;
}

/** Above this many cells the middle is shown as removed and added whole. */
const CELLS_MAX = 4_000_000;

export function diffLines(before: string, after: string): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const out: DiffLine[] = [];
  for (let i = 0; i < head; i++) out.push({ op: "same", text: a[i] ?? "", left: i, right: i });
  out.push(...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail), head));
  for (let i = tail; i > 0; i--) {
    out.push({ op: "same", text: a[a.length - i] ?? "", left: a.length - i, right: b.length - i });
  }
  return out;
}

function middle(a: string[], b: string[], base: number): DiffLine[] {
  const removed = (i: number): DiffLine => ({ op: "removed", text: a[i] ?? "", left: base + i, right: null });
  const added = (j: number): DiffLine => ({ op: "added", text: b[j] ?? "", left: null, right: base + j });
  if (a.length * b.length > CELLS_MAX) return [...a.map((_, i) => removed(i)), ...b.map((_, j) => added(j))];
  const width = b.length + 1;
  const table = new Uint32Array((a.length + 1) * width);
  const cell = (i: number, j: number) => table[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      table[i * width + j] = a[i] === b[j] ? cell(i + 1, j + 1) + 1 : Math.max(cell(i + 1, j), cell(i, j + 1));
    }
  }
  const out: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ op: "same", text: a[i] ?? "", left: base + i, right: base + j });
      i++;
      j++;
    } else if (i < a.length && (j >= b.length || cell(i + 1, j) >= cell(i, j + 1))) {
      out.push(removed(i++));
    } else {
      out.push(added(j++));
    }
  }
  return out;
}

/** Folds long runs of equal lines; `null` stands for the lines left out. */
export function around(lines: readonly DiffLine[], context = 3): (DiffLine | { skipped: number })[] {
  const keep = new Uint8Array(lines.length);
  lines.forEach((line, i) => {
    if (line.op === "same") return;
    for (let k = Math.max(0, i - context); k <= Math.min(lines.length - 1, i + context); k++) keep[k] = 1;
  });
  const out: (DiffLine | { skipped: number })[] = [];
  let skipped = 0;
  lines.forEach((line, i) => {
    if (keep[i]) {
      if (skipped) out.push({ skipped });
      skipped = 0;
      out.push(line);
    } else skipped++;
  });
  if (skipped) out.push({ skipped });
  return out;
}
