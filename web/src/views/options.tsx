/** Every option: value, default, where it came from, help; edited by type. */
import { useMemo, useState } from "preact/hooks";
import { api } from "../api/client";
import type { Option, OptionValue } from "../api/types";
import { count } from "../lib/format";
import { online, options, readOptions, setOption } from "../state/session";
import { attempt, say } from "../state/toast";
import { Button, Empty } from "../ui/controls";

const isList = (one: Option) => /seq|list/i.test(one.type);
const isBool = (one: Option) => /^bool/i.test(one.type);
const isInt = (one: Option) => /^(?:optional )?int|optional\[int\]|int \|/i.test(one.type);

export function differs(one: Option): boolean {
  return JSON.stringify(one.value) !== JSON.stringify(one.default);
}

function words(value: OptionValue): string {
  if (value === null) return "unset";
  if (Array.isArray(value)) return value.length ? value.join(", ") : "empty";
  return value === "" ? "empty" : String(value);
}

export function Options() {
  const [text, setText] = useState("");
  const [changedOnly, setChangedOnly] = useState(false);
  const list = useMemo(() => {
    const needle = text.toLowerCase();
    return options.value.filter((one) => (!changedOnly || differs(one)) && (!needle || one.name.includes(needle) || one.help.toLowerCase().includes(needle)));
  }, [options.value, text, changedOnly]);
  return (
    <div class="page scroll pad">
      <div class="page-head">
        <h2>Options</h2>
        <label class="inline"><span class="visually-hidden">Search options</span><input class="data" placeholder="Search" value={text} onInput={(event) => setText(event.currentTarget.value)} /></label>
        <Button tone="quiet" pressed={changedOnly} onClick={() => setChangedOnly(!changedOnly)}>only changed</Button>
        <span class="dim">{count(list.length)} of {count(options.value.length)}</span>
        <span class="push"><Button icon="save" disabled={!online.value} onClick={() => void attempt("Save", () => api.saveOptions()).then((done) => done && say(`Options saved${done.path ? ` to ${done.path}` : ""}`))}>Save to file</Button></span>
      </div>
      {list.length === 0 ? <Empty title={options.value.length ? "No option matches" : "Reading…"} /> : (
        <ul class="option-list">{list.map((one) => <OptionLine key={one.name} one={one} />)}</ul>
      )}
    </div>
  );
}

function OptionLine({ one }: { one: Option }) {
  const changed = differs(one);
  const id = `option-${one.name}`;
  const set = (value: OptionValue) => void setOption(one.name, value).then((ok) => { if (!ok) void readOptions(); });
  return (
    <li class={changed ? "option changed" : "option"}>
      <div class="option-name">
        <label for={id} class="data strong">{one.name}</label>
        <span class="dim">{one.source === "default" ? "default" : `from ${one.source}`}{changed && <> · default <span class="data">{words(one.default)}</span></>}</span>
      </div>
      <div class="option-value"><Field id={id} one={one} onSet={set} />{changed && <Button tone="quiet" label={`Put ${one.name} back to its default`} icon="back" disabled={!online.value} onClick={() => set(one.default)} />}</div>
      <p class="option-help dim">{one.help}</p>
    </li>
  );
}

function Field({ id, one, onSet }: { id: string; one: Option; onSet: (value: OptionValue) => void }) {
  const off = !online.value;
  const shown = Array.isArray(one.value) ? one.value.join("\n") : one.value === null ? "" : String(one.value);
  if (isBool(one)) return <label class="switch"><input id={id} type="checkbox" disabled={off} checked={one.value === true} onChange={(event) => onSet(event.currentTarget.checked)} /><span aria-hidden="true">{one.value === true ? "on" : "off"}</span></label>;
  if (one.choices && one.choices.length > 0) return <select id={id} disabled={off} value={shown} onChange={(event) => onSet(event.currentTarget.value)}>{one.choices.map((choice) => <option value={choice}>{choice || "(empty)"}</option>)}</select>;
  if (isList(one)) {
    return <textarea id={id} class="data" disabled={off} rows={Math.min(6, Math.max(1, (one.value as string[] | null)?.length ?? 1))} placeholder="one a line" value={shown} onChange={(event) => onSet(event.currentTarget.value.split("\n").filter((line) => line !== ""))} />;
  }
  const read = (text: string): OptionValue => {
    if (isInt(one)) return text === "" ? null : Number(text);
    return text === "" && one.default === null ? null : text;
  };
  return <input id={id} class="data" disabled={off} type="text" inputMode={isInt(one) ? "numeric" : undefined} pattern={isInt(one) ? "-?[0-9]*" : undefined} placeholder={one.value === null ? "unset" : ""} value={shown} onChange={(event) => { if (event.currentTarget.checkValidity()) onSet(read(event.currentTarget.value)); else say(`${one.name}: a whole number is wanted`, "bad"); }} />;
}
