/** Keys, signs and the filter language. */
import { useState } from "preact/hooks";
import { ACTIONS, type Action } from "../../state/actions";
import { filterHelp } from "../../state/session";
import { Kbd } from "../../ui/controls";
import { Dialog } from "../../ui/dialog";

const GROUPS: readonly Action["group"][] = ["Flows", "Flow", "Intercept", "View", "Go to", "midwire"];
const SIGNS: readonly [string, string][] = [["✓", "selected"], ["●", "marked"], ["‖", "paused"], ["!", "error"], ["◔", "partial body"], ["↺", "replayed"], ["✎", "edited"], ["◆", "mocked"], ["¶", "has a comment"], ["~", "still open"]];

export function Help() {
  const [text, setText] = useState("");
  const needle = text.toLowerCase();
  const fits = (...words: string[]) => words.some((word) => word.toLowerCase().includes(needle));
  return (
    <Dialog title="Keys and help" wide>
      <input class="palette-box" data-first placeholder="Search" aria-label="Search keys and help" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      <div class="help-columns">
        {GROUPS.map((group) => {
          const list = ACTIONS.filter((action) => action.group === group && action.keys.length > 0 && fits(action.title, ...action.keys));
          if (list.length === 0) return null;
          return (
            <section>
              <h3>{group}</h3>
              <table class="keys"><tbody>{list.map((action) => <tr><td class="key-cell">{action.keys.map((key) => <Kbd name={key} />)}</td><th scope="row">{action.title}</th></tr>)}</tbody></table>
            </section>
          );
        })}
        <section><h3>In a body</h3><table class="keys"><tbody><tr><td class="key-cell"><Kbd name="n" /><Kbd name="N" /></td><th scope="row">Next, previous match</th></tr><tr><td class="key-cell"><Kbd name="ArrowLeft" /><Kbd name="ArrowRight" /></td><th scope="row">Fold, unfold the line</th></tr></tbody></table></section>
        <section><h3>Mouse</h3><table class="keys"><tbody><tr><td class="key-cell"><kbd>Alt+click</kbd></td><th scope="row">Filter by the cell; with Shift: without it</th></tr><tr><td class="key-cell"><kbd>Ctrl+click</kbd></td><th scope="row">Select one more; with Shift a range</th></tr></tbody></table></section>
        <section><h3>Signs</h3><table class="keys"><tbody>{SIGNS.filter(([, word]) => fits(word)).map(([sign, word]) => <tr><td class="key-cell data">{sign}</td><th scope="row">{word}</th></tr>)}</tbody></table></section>
        <section class="wide"><h3>Filter language</h3><table class="keys"><tbody>{filterHelp.value.filter((one) => fits(...one)).map(([syntax, about]) => <tr><td class="key-cell data">{syntax}</td><th scope="row">{about}</th></tr>)}</tbody></table></section>
      </div>
    </Dialog>
  );
}
