// As much of the filter language as the mock needs.

export class FilterError extends Error {
  constructor(message, position) {
    super(message);
    this.position = position;
  }
}

const NO_ARGUMENT = {
  "~e": (r) => Boolean(r.error), "~marked": (r) => r.marked !== "", "~websocket": (r) => r.messages !== null, "~s": (r) => r.status !== null, "~q": (r) => r.status === null, "~all": () => true, "~http": () => true, "~tcp": () => false, "~udp": () => false, "~dns": () => false, "~replay": (r) => r.state.includes("replayed"),
};
const PATTERN = { "~d": (r) => r.host, "~u": (r) => r.url, "~m": (r) => r.method, "~t": (r) => r.shape.type, "~ts": (r) => r.shape.type, "~b": (r) => String(r.body), "~comment": (r) => r.comment, "~src": (r) => r.client, "~dst": (r) => r.server ?? "" };

export function compile(text, plain) {
  if (text.trim() === "") return () => true;
  if (plain && !text.includes("~")) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return (r) => {
      const all = `${r.host} ${r.path} ${r.method} ${r.status ?? r.status_text} ${r.kind} ${r.comment}`.toLowerCase();
      return words.every((word) => all.includes(word));
    };
  }
  let at = 0;
  const space = () => { while (/\s/.test(text[at] ?? "")) at++; };
  const word = () => {
    space();
    const start = at;
    if (text[at] === '"' || text[at] === "'") {
      const quote = text[at++];
      let out = "";
      while (at < text.length && text[at] !== quote) {
        if (text[at] === "\\") at++;
        out += text[at++] ?? "";
      }
      if (at >= text.length) throw new FilterError("the quote is not closed", start);
      at++;
      return out;
    }
    while (at < text.length && !/[\s()&|!]/.test(text[at])) at++;
    return text.slice(start, at);
  };
  const term = () => {
    space();
    const start = at;
    if (at >= text.length) throw new FilterError("an expression is missing here", Math.max(0, at - 1));
    if (text[at] === "!") { at++; const inner = term(); return (r) => !inner(r); }
    if (text[at] === "(") {
      at++;
      const inner = either();
      space();
      if (text[at] !== ")") throw new FilterError("a bracket is not closed", start);
      at++;
      return inner;
    }
    const name = word();
    if (NO_ARGUMENT[name]) return NO_ARGUMENT[name];
    const argument = () => { space(); const from = at; const value = word(); if (value === "") throw new FilterError(`${name} wants ${name === "~c" ? "a number" : "a regular expression"}`, Math.min(from, text.length - 1)); return [value, from]; };
    if (name === "~c") { const [value, from] = argument(); if (!/^\d+$/.test(value)) throw new FilterError("~c wants a number", from); return (r) => r.status === Number(value); }
    const regex = (value, from, of) => { try { const p = new RegExp(value, "i"); return (r) => p.test(of(r)); } catch { throw new FilterError("this is no regular expression", from); } };
    if (PATTERN[name]) { const [value, from] = argument(); return regex(value, from, PATTERN[name]); }
    if (name.startsWith("~")) throw new FilterError(`${name} is unknown`, start);
    return regex(name, start, PATTERN["~u"]);
  };
  const both = () => {
    let left = term();
    for (;;) {
      space();
      if (at >= text.length || text[at] === ")" || text[at] === "|") return left;
      if (text[at] === "&") at++;
      const a = left;
      const b = term();
      left = (r) => a(r) && b(r);
    }
  };
  const either = () => {
    let left = both();
    for (;;) {
      space();
      if (text[at] !== "|") return left;
      at++;
      const a = left;
      const b = both();
      left = (r) => a(r) || b(r);
    }
  };
  const whole = either();
  space();
  if (at < text.length) throw new FilterError("this is too much", at);
  return whole;
}
