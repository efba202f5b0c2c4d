/** Colours for one line of a body view: a few patterns, no grammar. */

export interface Token {
  text: string;
  role: "" | "key" | "string" | "number" | "word" | "tag" | "dim";
}

type Pattern = readonly [Token["role"], RegExp];

const DATA: readonly Pattern[] = [
  ["key", /^"(?:[^"\\]|\\.)*"(?=\s*:)/],
  ["string", /^"(?:[^"\\]|\\.)*"?/],
  ["string", /^'(?:[^'\\]|\\.)*'?/],
  ["key", /^[A-Za-z_][\w .\-/$]*(?=:(?:\s|$))/],
  ["number", /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w-])/],
  ["word", /^(?:true|false|null)\b/],
  ["dim", /^[{}[\],:]/],
];

const MARKUP: readonly Pattern[] = [
  ["dim", /^<!--.*?(?:-->|$)/],
  ["tag", /^<[/!?]?[\w:.-]*/],
  ["tag", /^[/?]?>/],
  ["key", /^[\w:@.-]+(?==)/],
  ["string", /^"[^"]*"?|^'[^']*'?/],
];

const CODE: readonly Pattern[] = [
  ["dim", /^(?:\/\/.*|\/\*.*?(?:\*\/|$))/],
  ["string", /^(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|`[^`]*`?)/],
  ["number", /^(?:#[0-9a-fA-F]{3,8}\b|-?\d+(?:\.\d+)?(?:px|em|rem|%|s|ms)?\b)/],
  ["word", /^(?:const|let|var|function|return|if|else|for|while|new|class|import|export|from|await|async|true|false|null|undefined|this)\b/],
  ["key", /^[\w-]+(?=\s*:)/],
];

function patterns(syntax: string): readonly Pattern[] | null {
  if (/json|yaml|graphql|msgpack|protobuf|grpc/i.test(syntax)) return DATA;
  if (/xml|html/i.test(syntax)) return MARKUP;
  if (/css|javascript|^js$/i.test(syntax)) return CODE;
  return null;
}

/** Longer lines stay plain: colour is not worth a pause. */
const COLOURED_MAX = 2_000;

export function tokens(line: string, syntax: string): Token[] {
  const wanted = line.length > COLOURED_MAX ? null : patterns(syntax);
  if (!wanted) return [{ text: line, role: "" }];
  const out: Token[] = [];
  let plain = "";
  const flush = () => {
    if (plain) out.push({ text: plain, role: "" });
    plain = "";
  };
  let at = 0;
  while (at < line.length) {
    const hit = take(wanted, line.slice(at), plain);
    if (hit) {
      flush();
      out.push(hit);
      at += hit.text.length;
    } else {
      plain += line[at] ?? "";
      at++;
    }
  }
  flush();
  return out;
}

function take(wanted: readonly Pattern[], rest: string, before: string): Token | null {
  // A word is only looked at where it begins.
  const inWord = /[\w]$/.test(before) && /^\w/.test(rest);
  if (inWord) return null;
  for (const [role, pattern] of wanted) {
    const found = pattern.exec(rest)?.[0];
    if (found) return { text: found, role };
  }
  return null;
}

export interface Piece extends Token {
  /** Number of the search hit that covers this piece, or -1. */
  hit: number;
}

/** Cuts tokens to `start..end` and splits them at search hits (`hits`: [from, to, number]). */
export function pieces(all: readonly Token[], start: number, end: number, hits: readonly (readonly [number, number, number])[]): Piece[] {
  const out: Piece[] = [];
  let at = 0;
  for (const token of all) {
    const from = Math.max(at, start);
    const to = Math.min(at + token.text.length, end);
    at += token.text.length;
    if (from >= to) continue;
    const base = at - token.text.length;
    let place = from;
    for (const [a, b, number] of hits) {
      if (b <= place || a >= to) continue;
      if (a > place) out.push({ text: token.text.slice(place - base, a - base), role: token.role, hit: -1 });
      const stop = Math.min(b, to);
      out.push({ text: token.text.slice(Math.max(a, place) - base, stop - base), role: token.role, hit: number });
      place = stop;
    }
    if (place < to) out.push({ text: token.text.slice(place - base, to - base), role: token.role, hit: -1 });
  }
  return out;
}
