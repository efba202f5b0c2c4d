/** The filter box: what stands where, and what to offer. The server parses; this only helps. */

/** Adds a term with `&`; text without an operator is kept as it is. */
export function and(expr: string, term: string): string {
  const now = expr.trim();
  if (!now) return term;
  if (hasTerm(now, term)) return now;
  return splitTop(now, "|").length > 1 ? `(${now}) & ${term}` : `${now} & ${term}`;
}

export function hasTerm(expr: string, term: string): boolean {
  return splitAnd(expr).includes(term);
}

/** Takes a term out again. */
export function without(expr: string, term: string): string {
  return splitAnd(expr).filter((part) => part !== term).join(" & ");
}

/** Terms joined by `&` at the top level. */
export function splitAnd(expr: string): string[] {
  return splitTop(expr, "&");
}

function splitTop(expr: string, sign: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let quote = "";
  let part = "";
  for (const c of expr) {
    if (quote) {
      if (c === quote) quote = "";
    } else if (c === '"' || c === "'") quote = c;
    else if (c === "(") depth++;
    else if (c === ")") depth--;
    if (c === sign && depth === 0 && !quote) {
      out.push(part.trim());
      part = "";
    } else part += c;
  }
  out.push(part.trim());
  return out.filter(Boolean);
}

/** A regular expression that matches just this text, quoted where the filter language wants it. */
export function literal(text: string): string {
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return /[\s()&|!"'~]/.test(escaped) || escaped === "" ? `"${escaped.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"` : escaped;
}

/** The filter term for a cell of the list, or `null` if the column has none. */
export function termFor(column: string, row: { host: string; path: string; method: string; status: number | null; kind: string; client: string; server: string | null; proto: string }): string | null {
  switch (column) {
    case "host":
      return `~d ${literal(row.host)}`;
    case "path":
      return `~u ${literal(row.path.split("?")[0] ?? "")}`;
    case "method":
      return `~m ${row.method}`;
    case "status":
      return row.status === null ? "~e" : `~c ${row.status}`;
    case "kind":
      return row.kind ? `~ts ${literal(row.kind)}` : null;
    case "client":
      return `~src ${literal(row.client)}`;
    case "server":
      return row.server ? `~dst ${literal(row.server)}` : null;
    case "proto":
      return /WS/.test(row.proto) ? "~websocket" : /TCP|UDP|DNS/.test(row.proto) ? `~${row.proto.toLowerCase()}` : "~http";
    default:
      return null;
  }
}

export interface Offer {
  text: string;
  /** What the box holds once it is taken. */
  result: string;
  about: string;
}

/** What could follow at the cursor: operators behind `~`, seen values behind an operator. */
export function offers(text: string, cursor: number, operators: readonly (readonly [string, string])[], seen: Readonly<Record<string, readonly string[]>>): Offer[] {
  const before = text.slice(0, cursor);
  const after = text.slice(cursor);
  const operator = /(~\w*)$/.exec(before)?.[1];
  if (operator !== undefined) {
    const stem = before.slice(0, before.length - operator.length);
    return operators
      .filter(([syntax]) => syntax.startsWith(operator) && syntax.split(" ")[0] !== operator)
      .slice(0, 12)
      .map(([syntax, about]) => {
        const name = syntax.split(" ")[0] ?? syntax;
        return { text: syntax, result: `${stem}${name}${syntax.includes(" ") ? " " : ""}${after}`, about };
      });
  }
  const value = /(~\w+)\s+(\S*)$/.exec(before);
  if (!value) return [];
  const [, name = "", typed = ""] = value;
  const stem = before.slice(0, before.length - typed.length);
  return (seen[name] ?? [])
    .filter((word) => word.toLowerCase().startsWith(typed.toLowerCase()) && word !== typed)
    .slice(0, 8)
    .map((word) => ({ text: word, result: `${stem}${literal(word)}${after}`, about: "" }));
}
