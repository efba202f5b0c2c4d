/** The menu of a row. */
import type { Row } from "../../api/types";
import { and, termFor } from "../../lib/filter";
import { ACTIONS, run } from "../../state/actions";
import { menu, type MenuItem } from "../../state/dialogs";
import { filter, setFilter } from "../../state/list";
import * as selection from "../../state/selection";
import { online } from "../../state/session";

const ORDER: readonly (string | null)[] = ["open", "full", null, "copy", "export", "save-flows", null, "replay", "duplicate", "compose-from", "edit", "mock", "compare", null, "mark", "comment", "revert", null, "resume", "kill", "delete"];

export function narrow(column: string, row: Row, not: boolean): void {
  const term = termFor(column, row);
  if (term) setFilter(and(filter.peek(), not ? `!${term}` : term));
}

export function openRowMenu(x: number, y: number, row: Row, column: string): void {
  const many = selection.count.peek();
  const items: MenuItem[] = [];
  let separator = false;
  for (const id of ORDER) {
    if (id === null) {
      separator = true;
      continue;
    }
    const action = ACTIONS.find((one) => one.id === id);
    if (!action) continue;
    const counted = many > 1 && !["open", "full", "edit"].includes(id) ? ` (${many})` : "";
    items.push({ title: action.title + counted, keys: action.keys[0], separator, disabled: action.live === true && !online.peek(), run: () => run(id) });
    separator = false;
  }
  const term = termFor(column, row);
  if (term) {
    items.push({ title: `Only: ${term}`, separator: true, run: () => narrow(column, row, false) });
    items.push({ title: `Without: !${term}`, run: () => narrow(column, row, true) });
  }
  menu.value = { x, y, label: `Flow ${row.n}`, items };
}
