/** One row of the list. */
import { memo } from "../../ui/memo";
import type { Row } from "../../api/types";
import type { Column } from "../../lib/columns";
import { clock, duration, size } from "../../lib/format";
import { Cell, PathText, StatusText, type CellContext } from "./cells";

export interface RowProps {
  row: Row | undefined;
  index: number;
  columns: readonly Column[];
  focused: boolean;
  selected: boolean;
  narrow: boolean;
  time: CellContext["time"];
  first: number | null;
  previous: number | null;
  axis: CellContext["axis"];
  now: number;
}

function RowLine({ row, index, columns, focused, selected, narrow, ...rest }: RowProps) {
  const id = `row-${index}`;
  if (!row) return <div class="row waiting" role="row" id={id} aria-rowindex={index + 2}><span role="gridcell" class="cell">…</span></div>;
  const context: CellContext = { selected, ...rest };
  const state = ["row", focused && "focused", selected && "selected", row.highlight && "tinted", row.state.some((one) => one.startsWith("paused")) && "is-paused", (row.error || row.state.includes("error")) && "is-error"].filter(Boolean).join(" ");
  if (narrow) {
    return (
      <div class={`${state} two-lines`} role="row" id={id} data-index={index} aria-rowindex={index + 2} aria-selected={selected}>
        <span role="gridcell" class="cell two">
          <span class="line"><Cell column={{ id: "method" } as Column} row={row} context={context} /> <StatusText row={row} now={rest.now} /> <span class="dim">{row.kind} {size(row.size)} {duration(row.duration)}</span><span class="dim push">{clock(row.started)}</span></span>
          <span class="line"><span class="marks"><Cell column={{ id: "marks" } as Column} row={row} context={context} /></span><bdi class="host">{row.host}</bdi><PathText row={row} /></span>
        </span>
      </div>
    );
  }
  return (
    <div class={state} role="row" id={id} data-index={index} aria-rowindex={index + 2} aria-selected={selected}>
      {columns.map((column) => (
        <span role="gridcell" class={`cell c-${column.id} ${column.align}`} data-column={column.id}>
          <Cell column={column} row={row} context={context} />
        </span>
      ))}
    </div>
  );
}

export const RowView = memo(RowLine);
