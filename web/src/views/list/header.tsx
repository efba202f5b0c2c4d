/** Column headers: sort by click, size by dragging, order by dragging or keys, hide by menu. */
import { COLUMNS, type Column } from "../../lib/columns";
import { run } from "../../state/actions";
import { menuBelow } from "../../state/dialogs";
import { reverse, setSort, sort } from "../../state/list";
import { columns } from "../../state/prefs";
import { currentColumns } from "./current";
import { AxisTicks, type Axis } from "./waterfall";

export function change(id: string, how: (column: Column) => Partial<Column>): void {
  columns.value = currentColumns().map((column) => {
    const next = column.id === id ? { ...column, ...how(column) } : column;
    return { id: next.id, width: next.width, shown: next.shown };
  });
}

/** Moves a column before another; by one place where `by` is given. */
export function move(id: string, by: number | string): void {
  const all = currentColumns();
  const from = all.findIndex((column) => column.id === id);
  const column = all[from];
  if (!column) return;
  let to: number;
  if (typeof by === "string") to = all.findIndex((one) => one.id === by);
  else {
    to = from + by;
    while (all[to] && !all[to]?.shown) to += Math.sign(by);
  }
  if (to < 0 || to >= all.length || to === from) return;
  all.splice(from, 1);
  all.splice(to, 0, column);
  columns.value = all.map(({ id, width, shown }) => ({ id, width, shown }));
}

function resize(column: Column, event: PointerEvent): void {
  event.preventDefault();
  event.stopPropagation();
  const handle = event.currentTarget as HTMLElement;
  const start = event.clientX;
  const width = handle.parentElement?.getBoundingClientRect().width ?? column.width;
  handle.setPointerCapture(event.pointerId);
  const drag = (at: PointerEvent) => change(column.id, () => ({ width: Math.round(Math.max(32, width + at.clientX - start)) }));
  handle.addEventListener("pointermove", drag);
  handle.addEventListener("pointerup", () => handle.removeEventListener("pointermove", drag), { once: true });
}

function columnMenu(column: Column, from: Element): void {
  menuBelow(from, `Column ${column.title || "marks"}`, [
    ...(column.sort ? [{ title: `Sort by ${column.title}`, run: () => setSort(column.sort ?? "n") }] : []),
    { title: "Move left", keys: "Alt+ArrowLeft", run: () => move(column.id, -1) },
    { title: "Move right", keys: "Alt+ArrowRight", run: () => move(column.id, 1) },
    { title: "Wider", keys: "Shift+ArrowRight", run: () => change(column.id, (one) => ({ width: one.width + 24 })), disabled: column.width === 0 },
    { title: "Narrower", keys: "Shift+ArrowLeft", run: () => change(column.id, (one) => ({ width: one.width - 24 })), disabled: column.width === 0 },
    { title: `Hide ${column.title || "marks"}`, run: () => change(column.id, () => ({ shown: false })) },
    { title: "All columns...", separator: true, run: () => run("columns") },
    { title: "Put columns back", run: () => (columns.value = COLUMNS.map(({ id, width, shown }) => ({ id, width, shown }))) },
  ]);
}

function key(column: Column, event: KeyboardEvent): void {
  const left = event.key === "ArrowLeft";
  if (!left && event.key !== "ArrowRight") {
    if (event.key === "ArrowDown") columnMenu(column, event.currentTarget as Element);
    else if (event.key === "Enter" || event.key === " ") {
      event.stopPropagation();
      return;
    } else return;
  } else if (event.altKey) move(column.id, left ? -1 : 1);
  else if (event.shiftKey && column.width) change(column.id, (one) => ({ width: one.width + (left ? -8 : 8) }));
  else {
    const cells = [...document.querySelectorAll<HTMLElement>(".head-row button")];
    const at = cells.indexOf(event.currentTarget as HTMLElement);
    cells[(at + (left ? -1 : 1) + cells.length) % cells.length]?.focus();
  }
  event.preventDefault();
  event.stopPropagation();
}

export function HeaderRow({ shown, axis }: { shown: readonly Column[]; axis: Axis | null }) {
  return (
    <div class="row head-row" role="row" aria-rowindex={1}>
      {shown.map((column, i) => {
        const sorted = column.sort !== null && column.sort === sort.value;
        const direction = sorted ? (reverse.value ? "descending" : "ascending") : undefined;
        return (
          <span
            role="columnheader" class={`cell ${column.align} ${sorted ? "sorted" : ""}`} aria-sort={column.sort ? (direction ?? "none") : undefined} title={column.about} draggable
            onDragStart={(event) => event.dataTransfer?.setData("text/plain", column.id)} onDragOver={(event) => event.preventDefault()}
            onDrop={(event) => { event.preventDefault(); move(event.dataTransfer?.getData("text/plain") ?? "", column.id); }}
            onContextMenu={(event) => { event.preventDefault(); columnMenu(column, event.currentTarget); }}
          >
            <button type="button" tabIndex={i === 0 ? 0 : -1} onClick={(event) => (column.sort ? setSort(column.sort) : columnMenu(column, event.currentTarget))} onKeyDown={(event) => key(column, event)}>
              {column.id === "waterfall" ? <AxisTicks axis={axis} /> : column.title || <span class="visually-hidden">Marks</span>}
              {direction && <span class="arrow" aria-hidden="true">{direction === "ascending" ? "▲" : "▼"}</span>}
            </button>
            {column.width > 0 && <span class="resizer" aria-hidden="true" onPointerDown={(event) => resize(column, event)} onDblClick={() => change(column.id, () => ({ width: COLUMNS.find((one) => one.id === column.id)?.width ?? 80 }))} />}
          </span>
        );
      })}
    </div>
  );
}
