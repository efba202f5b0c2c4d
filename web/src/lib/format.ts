/** Numbers, sizes, times and text as people read them. */

const GROUPED = new Intl.NumberFormat("en-US", { useGrouping: true });

/** `18733` as `18 733`, with a thin no-break space. */
export function count(n: number): string {
  return GROUPED.format(n).replaceAll(",", "\u202f");
}

export function size(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return "";
  if (bytes < 1000) return String(bytes);
  const units = ["k", "M", "G", "T"];
  let value = bytes;
  let unit = "";
  for (const next of units) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)}${unit}`;
}

/** A size with its unit spelt out, for prose. */
export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined) return "unknown size";
  if (n < 1000) return `${n} B`;
  const text = size(n);
  return `${text.slice(0, -1)} ${text.slice(-1)}B`;
}

/** Milliseconds below ten seconds, else seconds: `30`, `1.2 s` in prose. */
export function ms(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "";
  const value = seconds * 1000;
  if (value < 1) return "<1";
  if (value < 10_000) return String(Math.round(value));
  return `${(value / 1000).toFixed(value < 100_000 ? 1 : 0)}s`;
}

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "";
  const value = Math.abs(seconds);
  if (value < 0.001) return `${Math.round(seconds * 1_000_000)} µs`;
  if (value < 1) return `${(seconds * 1000).toFixed(value < 0.01 ? 1 : 0)} ms`;
  if (value < 60) return `${seconds.toFixed(value < 10 ? 2 : 1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

const two = (n: number) => String(n).padStart(2, "0");

export function clock(seconds: number | null | undefined, fraction = false): string {
  if (seconds === null || seconds === undefined) return "";
  const at = new Date(seconds * 1000);
  const text = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return fraction ? `${text}.${String(at.getMilliseconds()).padStart(3, "0")}` : text;
}

export function date(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "";
  const at = new Date(seconds * 1000);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

export function dateTime(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "";
  return `${date(seconds)} ${clock(seconds, true)}`;
}

/** Cuts in the middle, so that the end of a path stays readable. */
export function middle(text: string, max: number): string {
  if (text.length <= max || max < 5) return text;
  const head = Math.ceil((max - 1) * 0.6);
  return `${text.slice(0, head)}\u2026${text.slice(text.length - (max - 1 - head))}`;
}

/** Control characters shown as visible escapes: hostile text never steers the page. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (c) => {
    const code = c.charCodeAt(0);
    if (c === "\t") return "\t";
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

export function address(pair: [string, number] | readonly unknown[] | null | undefined): string {
  if (!pair) return "";
  const [host, port] = pair as [string, number];
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}
