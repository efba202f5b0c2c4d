/** The home screen: filter, chips, list, and the detail of the focused flow. */
import { layout, listMode, narrow, split } from "../state/prefs";
import { alone, openFlow } from "../state/route";
import { Split } from "../ui/controls";
import { Detail } from "./detail/detail";
import { Chips } from "./list/chips";
import { Grid } from "./list/grid";
import { Tree } from "./list/tree";

export function Flows() {
  const detail = openFlow.value !== null;
  if (detail && (alone.value || narrow.value || layout.value === "full")) return <Detail />;
  const list = listMode.value === "tree" ? <Tree /> : <Grid />;
  return (
    <div class="flows">
      {!narrow.value && <Chips />}
      <Split share={split.value} onShare={(share) => (split.value = share)} below={layout.value === "below"} first={list} second={detail ? <Detail /> : null} />
    </div>
  );
}
