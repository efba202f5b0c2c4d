/** The flow list as a grid: only the visible rows are in the page. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { fit, template } from "../../lib/columns";
import { count } from "../../lib/format";
import { reveal as placeFor, slice } from "../../lib/virtual";
import { openDetail, run } from "../../state/actions";
import { filter, focusAt, focusId, focusIndex, loaded, newBelow, reveal, rowAt, setFilter, setFocus, showing, shown, sort, reverse, total, win } from "../../state/list";
import { density, follow, narrow, ROW_HEIGHT, timeStyle } from "../../state/prefs";
import { openFlow } from "../../state/route";
import * as selection from "../../state/selection";
import { Empty, useWidth } from "../../ui/controls";
import { ConnectSummary } from "../connect";
import { currentColumns } from "./current";
import { HeaderRow } from "./header";
import { narrow as narrowBy, openRowMenu } from "./row-menu";
import { RowView } from "./row";
import { axisOf } from "./waterfall";

export function Grid() {
  const [box, width, height] = useWidth<HTMLDivElement>();
  const [top, setTop] = useState(0);
  const [now, setNow] = useState(Date.now() / 1000);
  const ticking = useRef(false);
  /** The row at the top edge, so that rows inserted above do not move the list. */
  const anchor = useRef<{ id: string; index: number } | null>(null);
  const isNarrow = narrow.value;
  const rowHeight = isNarrow ? 60 : ROW_HEIGHT[density.value];
  const head = isNarrow ? 0 : 26;
  const rows = shown.value;
  const view = Math.max(0, height - head);
  const part = slice(top, view, rowHeight, rows);

  useEffect(() => showing(part.first, part.end), [part.first, part.end, rows]);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, []);

  const wanted = reveal.value;
  useLayoutEffect(() => {
    const element = box.current;
    if (!wanted || !element) return;
    const place = placeFor(wanted.index, element.scrollTop, view, rowHeight, shown.peek());
    if (place !== null) element.scrollTop = wanted.middle ? Math.max(0, place + (place < element.scrollTop ? -1 : 1) * (view / 2)) : place;
  }, [wanted]);

  // Follow keeps the newest in sight; without it the rows stay where they are.
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const newestTop = reverse.peek();
    if (follow.value && sort.peek() === "n") {
      const place = newestTop ? 0 : element.scrollHeight;
      if (element.scrollTop !== place) element.scrollTop = place;
      return;
    }
    const kept = anchor.current;
    if (!kept) return;
    const { offset, rows: here } = win.peek();
    const at = here.findIndex((row) => row.id === kept.id);
    if (at >= 0 && offset + at !== kept.index && element.scrollTop > 0) element.scrollTop += (offset + at - kept.index) * rowHeight;
  }, [rows, win.value, follow.value, rowHeight]);
  useEffect(() => {
    const row = rowAt(part.first + (part.first > 0 ? 6 : 0));
    anchor.current = row ? { id: row.id, index: part.first + (part.first > 0 ? 6 : 0) } : null;
  });

  const scroll = () => {
    if (ticking.current) return;
    ticking.current = true;
    requestAnimationFrame(() => {
      ticking.current = false;
      const element = box.current;
      if (!element) return;
      setTop(element.scrollTop);
    });
  };
  // Scrolling away by hand ends follow; it never fights the user.
  const byHand = () => {
    if (follow.peek()) setTimeout(() => { const element = box.current; if (element && element.scrollHeight - element.scrollTop - element.clientHeight > rowHeight * 2) follow.value = false; }, 150);
  };

  const at = (event: Event) => {
    const line = (event.target as Element).closest<HTMLElement>("[data-index]");
    const index = line ? Number(line.dataset["index"]) : -1;
    const column = (event.target as Element).closest<HTMLElement>("[data-column]")?.dataset["column"] ?? "";
    return { index, row: rowAt(index), column };
  };
  const click = (event: MouseEvent) => {
    const { index, row, column } = at(event);
    if (!row) return;
    if (event.altKey) return narrowBy(column, row, event.shiftKey);
    const before = focusIndex.peek();
    if (event.shiftKey) void selection.extendTo(index, before < 0 ? index : before);
    else if (event.ctrlKey || event.metaKey) {
      if (selection.count.peek() === 0 && focusId.peek() && focusId.peek() !== row.id) selection.toggle(focusId.peek() ?? "", before);
      selection.toggle(row.id, index);
    } else {
      selection.clear();
      selection.startAt(index);
    }
    setFocus(row.id, index);
    follow.value = follow.peek() && index >= shown.peek() - 2;
    if (!event.shiftKey && !event.ctrlKey && !event.metaKey && (isNarrow || openFlow.peek() === null)) openDetail(row.id);
  };
  const menu = (event: MouseEvent) => {
    const { index, row, column } = at(event);
    if (!row) return;
    event.preventDefault();
    setFocus(row.id, index);
    openRowMenu(event.clientX, event.clientY, row, column);
  };
  const menuKey = (event: KeyboardEvent) => {
    if (event.key !== "ContextMenu" && !(event.key === "F10" && event.shiftKey)) return;
    const row = rowAt(focusIndex.peek());
    const line = document.getElementById(`row-${focusIndex.peek()}`)?.getBoundingClientRect();
    if (!row || !line) return;
    event.preventDefault();
    openRowMenu(line.left + 48, line.bottom, row, "host");
  };

  const columns = fit(currentColumns(), width - 12);
  const indexes = Array.from({ length: part.end - part.first }, (_, i) => part.first + i);
  const axis = columns.some((column) => column.id === "waterfall") ? axisOf(indexes.map(rowAt)) : null;
  const first = timeStyle.value === "first" ? (win.value.rows[0]?.started ?? null) : null;
  const focused = focusIndex.value;
  return (
    <div class="grid-wrap">
      <div
        ref={box} id="flow-grid" class="grid" role="grid" tabIndex={0} aria-label="Flows" aria-multiselectable="true" aria-rowcount={rows + 1} aria-colcount={isNarrow ? 1 : columns.length}
        aria-activedescendant={focused >= part.first && focused < part.end ? `row-${focused}` : undefined} style={{ "--columns": template(columns), "--row": `${rowHeight}px` }}
        onScroll={scroll} onWheel={byHand} onTouchMove={byHand} onClick={click} onDblClick={(event) => { const { row } = at(event); if (row) openDetail(row.id); }} onContextMenu={menu} onKeyDown={menuKey}
        onFocus={() => { if (focusIndex.peek() < 0 && shown.peek() > 0) focusAt(follow.peek() ? shown.peek() - 1 : part.first); }}
      >
        {!isNarrow && <HeaderRow shown={columns} axis={axis} />}
        <div role="rowgroup" class="rows" style={{ height: `${part.height}px` }}>
          <div role="presentation" class="rows-part" style={{ transform: `translateY(${part.top}px)` }}>
            {indexes.map((index) => {
              const row = rowAt(index);
              const waiting = row?.status === null && !row.error;
              return (
                <RowView key={index} row={row} index={index} columns={columns} focused={index === focused} selected={row ? selection.isSelected(row.id) : false} narrow={isNarrow} time={timeStyle.value}
                  first={first} previous={timeStyle.value === "previous" ? (rowAt(index - 1)?.started ?? null) : null} axis={axis} now={waiting ? now : 0} />
              );
            })}
          </div>
        </div>
      </div>
      {loaded.value && rows === 0 && <NoRows />}
      {!loaded.value && <div class="grid-empty"><Empty title="Waiting for midwire…" /></div>}
      {newBelow.value > 0 && <button type="button" class="new-below" onClick={() => run("last")}>{count(newBelow.value)} new below ↓</button>}
    </div>
  );
}

function NoRows() {
  if (total.value > 0) {
    return (
      <div class="grid-empty">
        <Empty title={`0 of ${count(total.value)} match`}>
          <p><code class="data">{filter.value}</code></p>
          <p><button type="button" class="button primary" onClick={() => setFilter("")}><span>Clear the filter</span></button> or press <kbd>Esc</kbd></p>
        </Empty>
      </div>
    );
  }
  return <div class="grid-empty"><ConnectSummary /></div>;
}

