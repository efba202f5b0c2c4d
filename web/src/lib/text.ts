/** Text of a body as rows of fixed height: folding by indentation, hard wrapping, search. */

export interface VisualRow {
  /** Number of the line, from 0. */
  line: number;
  /** Which part of the line this row shows. */
  start: number;
  end: number;
  /** Lines hidden below a folded line; 0 if it is open. */
  folded: number;
  /** Whether the line has something to fold. */
  foldable: boolean;
}

export function indentOf(line: string): number {
  const width = /^[ \t]*/.exec(line)?.[0].length ?? 0;
  return width === line.length ? -1 : width;
}

/** For each line that opens a block, the last line of the block. Blank lines belong to the block around them. */
export function blocks(lines: readonly string[]): Map<number, number> {
  const found = new Map<number, number>();
  const open: { line: number; indent: number }[] = [];
  let lastFilled = -1;
  const close = (indent: number) => {
    for (let top = open[open.length - 1]; top && top.indent >= indent; top = open[open.length - 1]) {
      open.pop();
      if (lastFilled > top.line) found.set(top.line, lastFilled);
    }
  };
  lines.forEach((text, line) => {
    const indent = indentOf(text);
    if (indent < 0) return;
    close(indent);
    open.push({ line, indent });
    lastFilled = line;
  });
  close(-1);
  return found;
}

/** Longest piece of an unwrapped line that is put into the page. */
export const LINE_MAX = 8_000;

export interface Shape {
  /** Columns of a row, or `null` for one row a line. */
  columns: number | null;
  folded: ReadonlySet<number>;
}

/** All rows of the text in order. */
export function rows(lines: readonly string[], ends: ReadonlyMap<number, number>, shape: Shape): VisualRow[] {
  const out: VisualRow[] = [];
  for (let line = 0; line < lines.length; line++) {
    const text = lines[line] ?? "";
    const end = ends.get(line);
    const folded = end !== undefined && shape.folded.has(line) ? end - line : 0;
    const step = shape.columns ?? LINE_MAX;
    for (let start = 0; start === 0 || start < text.length; start += step) {
      out.push({ line, start, end: Math.min(text.length, start + step), folded, foldable: end !== undefined && start === 0 });
      if (folded) break;
    }
    if (folded && end !== undefined) {
      // The closing bracket on its own line is drawn behind the folded line.
      line = end;
      const next = lines[end + 1];
      if (next !== undefined && /^\s*[\]})],?$/.test(next) && indentOf(next) === indentOf(text)) line = end + 1;
    }
  }
  return out;
}

export interface Hit {
  line: number;
  start: number;
  end: number;
}

export interface SearchOptions {
  regex: boolean;
  matchCase: boolean;
}

/** More matches than this are not looked for. */
export const HITS_MAX = 10_000;

export function pattern(text: string, options: SearchOptions): RegExp | null {
  if (!text) return null;
  const source = options.regex ? text : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  try {
    return new RegExp(source, options.matchCase ? "g" : "gi");
  } catch {
    return null;
  }
}

export function search(lines: readonly string[], text: string, options: SearchOptions): Hit[] {
  const wanted = pattern(text, options);
  if (!wanted) return [];
  const hits: Hit[] = [];
  for (let line = 0; line < lines.length; line++) {
    wanted.lastIndex = 0;
    const here = lines[line] ?? "";
    for (let found = wanted.exec(here); found; found = wanted.exec(here)) {
      if (found[0].length === 0) {
        wanted.lastIndex++;
        continue;
      }
      hits.push({ line, start: found.index, end: found.index + found[0].length });
      if (hits.length >= HITS_MAX) return hits;
    }
  }
  return hits;
}

/** JSONPath of a line of indented JSON; `null` where the text is something else. */
export function jsonPath(lines: readonly string[], line: number): string | null {
  const steps: string[] = [];
  let at = line;
  const text = lines[at];
  if (text === undefined || /^\s*[\]}],?$/.test(text)) return null;
  for (let indent = indentOf(text); indent > 0; indent = indentOf(lines[at] ?? "")) {
    const key = /^\s*("(?:[^"\\]|\\.)*")\s*:/.exec(lines[at] ?? "")?.[1];
    let siblings = 0;
    let up = at - 1;
    for (; up >= 0; up--) {
      const other = indentOf(lines[up] ?? "");
      if (other < 0) continue;
      if (other < indent) break;
      if (other === indent && !/^\s*[\]}],?$/.test(lines[up] ?? "")) siblings++;
    }
    if (up < 0) return null;
    steps.unshift(key === undefined ? `[${siblings}]` : step(key));
    at = up;
  }
  return `$${steps.join("")}`;
}

function step(key: string): string {
  const name = key.slice(1, -1);
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${key}]`;
}
