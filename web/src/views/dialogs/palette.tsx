/** One box that finds actions, views, options, saved filters, flows and help. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { Row } from "../../api/types";
import { visible } from "../../lib/format";
import { rank } from "../../lib/fuzzy";
import { ACTIONS, openDetail, run } from "../../state/actions";
import { close } from "../../state/dialogs";
import { setFilter, setHighlight } from "../../state/list";
import { listMode, recent, remember, theme, THEMES } from "../../state/prefs";
import { go } from "../../state/route";
import { filterHelp, filters, online, options, setOption } from "../../state/session";
import { attempt, say } from "../../state/toast";
import { Kbd } from "../../ui/controls";
import { Dialog } from "../../ui/dialog";

interface Item {
  id: string;
  title: string;
  about: string;
  keys?: string | undefined;
  run: () => void;
}

function items(): Item[] {
  const out: Item[] = ACTIONS.filter((action) => action.id !== "palette" && action.id !== "escape").map((action) => ({ id: action.id, title: action.title, about: action.group, keys: action.keys[0], run: () => run(action.id) }));
  for (const one of options.peek()) {
    const bool = typeof one.value === "boolean";
    out.push({
      id: `option:${one.name}`, title: one.name, about: `option: ${Array.isArray(one.value) ? one.value.join(", ") : one.value === null ? "unset" : String(one.value)}${bool ? ", Enter toggles" : ""}`,
      run: () => { if (bool) void setOption(one.name, !one.value).then((ok) => ok && say(`${one.name} = ${String(!one.value)}`)); else { go("options"); setTimeout(() => document.getElementById(`option-${one.name}`)?.focus(), 80); } },
    });
  }
  for (const one of filters.peek()) out.push({ id: `filter:${one.name}`, title: `Filter: ${one.name}`, about: one.expr, run: () => { go("flows"); listMode.value = "table"; setFilter(one.expr); if (one.highlight) setHighlight(one.highlight); } });
  for (const one of THEMES) out.push({ id: `theme:${one}`, title: `Theme: ${one}`, about: "Appearance", run: () => (theme.value = one) });
  for (const [syntax, about] of filterHelp.peek()) out.push({ id: `help:${syntax}`, title: syntax, about: `filter: ${about}`, run: () => { run("filter"); setFilter(`${syntax.split(" ")[0] ?? ""} `); } });
  return out;
}

export function Palette({ start }: { start: string }) {
  const [text, setText] = useState(start);
  const [at, setAt] = useState(0);
  const [flows, setFlows] = useState<Row[]>([]);
  const list = useRef<HTMLUListElement>(null);
  const all = useMemo(items, []);
  const found = useMemo(() => rank(text, all, (item) => `${item.title} ${item.about}`, (item) => recent.peek().indexOf(item.id), 40), [text, all]);
  // Flows come from the server, after a pause that typing does not notice.
  useEffect(() => {
    setAt(0);
    const wanted = text.trim().replace(/^[#@]/, "");
    if (wanted.length < 2 && !/^[#@]?\d+$/.test(text.trim())) return setFlows([]);
    const abort = new AbortController();
    const timer = setTimeout(() => {
      const query = /^[#@]\d+$/.test(text.trim()) ? { offset: Math.max(0, Number(wanted) - 4), count: 8 } : { filter: wanted, plain: 1, count: 6 };
      api.flows(query, abort.signal).then((page) => setFlows(page.rows)).catch(() => {});
    }, 90);
    return () => { clearTimeout(timer); abort.abort(); };
  }, [text]);
  const command = text.startsWith(":") || /^[a-z_]+\.[a-z_.]+/.test(text);
  const entries: (Item & { marks: number[] })[] = [
    ...(command ? [{ id: `run:${text}`, title: `Run: ${text.replace(/^:/, "")}`, about: "command of midwire", marks: [], run: () => runCommand(text.replace(/^:/, "")) }] : []),
    ...found.map(({ item, at: marks }) => ({ ...item, marks })),
    ...flows.map((row) => ({ id: `flow:${row.id}`, title: `#${row.n} ${row.method} ${row.host}${visible(row.path).slice(0, 90)}`, about: String(row.status ?? row.status_text), marks: [], run: () => openDetail(row.id) })),
  ];
  const pick = (item: Item | undefined) => {
    if (!item) return;
    close();
    if (!item.id.startsWith("flow:") && !item.id.startsWith("run:")) remember(recent, item.id, 12);
    // The dialog gives its focus back first.
    setTimeout(item.run);
  };
  const key = (event: KeyboardEvent) => {
    const down = event.key === "ArrowDown" || (event.ctrlKey && event.key === "n");
    if (down || event.key === "ArrowUp" || (event.ctrlKey && event.key === "p")) {
      event.preventDefault();
      const next = Math.max(0, Math.min(entries.length - 1, at + (down ? 1 : -1)));
      setAt(next);
      list.current?.children[next]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      pick(entries[at]);
    }
  };
  return (
    <Dialog title="Command palette" wide>
      <input class="palette-box data" data-first value={text} placeholder="Actions, options, filters, flows; :command" aria-label="What to do" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={entries.length ? `palette-${at}` : undefined} spellcheck={false} autocomplete="off" onInput={(event) => setText(event.currentTarget.value)} onKeyDown={key} />
      <ul ref={list} id="palette-list" class="palette-list" role="listbox" aria-label="Results">
        {entries.map((item, i) => (
          <li id={`palette-${i}`} role="option" aria-selected={i === at} class={i === at ? "chosen" : ""} onPointerMove={() => setAt(i)} onClick={() => pick(item)}>
            <span class="palette-title"><Marked text={item.title} at={item.marks} /></span>
            <span class="dim palette-about">{item.about}</span>
            {item.keys && <Kbd name={item.keys} />}
          </li>
        ))}
      </ul>
      {entries.length === 0 && <p class="pad dim">Nothing matches.</p>}
    </Dialog>
  );
}

function runCommand(line: string): void {
  if (!online.peek()) return say("midwire does not answer, so commands have to wait.", "bad");
  void attempt(line, () => api.command(line)).then((got) => {
    if (!got) return;
    if (got.error) say(`${line}: ${got.error}`, "bad");
    else say(got.value === undefined || got.value === null ? "Done" : typeof got.value === "string" ? got.value : JSON.stringify(got.value));
  });
}

function Marked({ text, at }: { text: string; at: readonly number[] }) {
  const marks = new Set(at);
  return <>{Array.from(text, (letter, i) => (marks.has(i) ? <b class="hit">{letter}</b> : letter))}</>;
}
