/** Quick chips: each is a filter expression that shows in the box. */
import { and, hasTerm, without } from "../../lib/filter";
import { menuBelow } from "../../state/dialogs";
import { run } from "../../state/actions";
import { filter, highlight, setFilter, setHighlight } from "../../state/list";
import { listMode } from "../../state/prefs";
import { filters, saveFilters } from "../../state/session";
import { Button } from "../../ui/controls";

const CHIPS: readonly (readonly [string, string, string][])[] = [
  [["json", "~ts json", "JSON responses"], ["html", "~ts html", "HTML responses"], ["css", "~ts css", "Style sheets"], ["js", "~ts javascript", "Scripts"], ["img", "~ts image/", "Images"], ["grpc", "~ts grpc", "gRPC"], ["sse", "~ts event-stream", "Event streams"], ["ws", "~websocket", "WebSocket"]],
  [["2xx", "~c 2.." , "Status 200 to 299"], ["3xx", "~c 3..", "Status 300 to 399"], ["4xx", "~c 4..", "Status 400 to 499"], ["5xx", "~c 5..", "Status 500 to 599"]],
  [["GET", "~m ^GET$", "Method GET"], ["POST", "~m ^POST$", "Method POST"]],
  [["errors", "~e", "Flows with an error"], ["marked", "~marked", "Marked flows"], ["replayed", "~replay", "Replayed flows"], ["comments", "~comment .", "Flows with a comment"]],
];

/** `~c` takes one number only, so a class of status codes is spelt by header-free regex over plain words. */
export function expression(chip: string, expr: string): string {
  const status = /^~c (\d)\.\.$/.exec(expr)?.[1];
  return status ? `(${STATUS[status]?.map((code) => `~c ${code}`).join(" | ") ?? ""})` : expr || chip;
}

const STATUS: Readonly<Record<string, readonly number[]>> = {
  2: [200, 201, 202, 203, 204, 206, 207, 226],
  3: [300, 301, 302, 303, 304, 307, 308],
  4: [400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 425, 426, 428, 429, 431, 451],
  5: [500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 521, 522, 523, 524],
};

export function Chips() {
  const now = filter.value;
  return (
    <div class="chips" role="toolbar" aria-label="Quick filters">
      {CHIPS.map((group) => (
        <div class="chip-group">
          {group.map(([name, raw, about]) => {
            const expr = expression(name, raw);
            const on = hasTerm(now, expr);
            return <button type="button" class="chip" aria-pressed={on} title={`${about}: ${raw}`} onClick={() => setFilter(on ? without(now, expr) : and(now, expr))}>{name}</button>;
          })}
        </div>
      ))}
      <div class="chip-group end">
        {highlight.value && <button type="button" class="chip tint" title="Highlighted rows; press to clear" aria-label={`Clear the highlight ${highlight.value}`} onClick={() => setHighlight("")}>highlight: {highlight.value} ×</button>}
        <Button icon="bookmark" tone="quiet" onClick={(event) => savedMenu(event.currentTarget as Element)} aria-haspopup="menu">Saved</Button>
        <div class="segments" role="group" aria-label="List as">
          {(["table", "waterfall", "tree"] as const).map((mode) => (
            <Button icon={mode === "table" ? "flows" : mode} tone="quiet" label={`List as ${mode}`} pressed={listMode.value === mode} onClick={() => (listMode.value = mode)} />
          ))}
        </div>
        <Button icon="columns" tone="quiet" label="Columns" keys="c" onClick={() => run("columns")} />
      </div>
    </div>
  );
}

function savedMenu(from: Element): void {
  const list = filters.peek();
  menuBelow(from, "Saved filters", [
    ...list.map((one) => ({ title: `${one.name}   ${one.expr}`, keys: one.key ?? undefined, run: () => { setFilter(one.expr); if (one.highlight) setHighlight(one.highlight); } })),
    { title: "Save this filter...", keys: "s", separator: list.length > 0, disabled: !filter.peek(), run: () => run("save-filter") },
    ...list.map((one, i) => ({ title: `Forget "${one.name}"`, separator: i === 0, run: () => void saveFilters(list.filter((other) => other !== one)) })),
  ]);
}
