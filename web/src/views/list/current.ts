/** The columns as they stand: the user's choice over the table of columns. */
import { arrange, type Column } from "../../lib/columns";
import { columns, listMode } from "../../state/prefs";

export function currentColumns(): Column[] {
  const all = arrange(columns.value);
  if (listMode.value !== "waterfall") return all;
  return all.map((column) => (column.id === "waterfall" ? { ...column, shown: true } : column));
}
