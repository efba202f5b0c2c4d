/** Copy and export: every format, with redaction. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../../api/client";
import { close } from "../../state/dialogs";
import { copyText, exportTarget, saveText } from "../../state/export";
import { focusId, focusRow, idsBetween, shown } from "../../state/list";
import { redact } from "../../state/prefs";
import * as selection from "../../state/selection";
import { attempt } from "../../state/toast";
import { plural } from "../../lib/format";
import { Dialog } from "../../ui/dialog";

interface Format {
  name: string;
  title: string;
  binary: boolean;
}

/** Read once; the list does not change while midwire runs. */
let known: Format[] = [];

async function targets(): Promise<string[]> {
  if (selection.all.peek()) return idsBetween(0, Math.min(shown.peek(), 2000) - 1);
  const ids = [...selection.ids.peek()];
  const focused = focusId.peek();
  return ids.length ? ids : focused ? [focused] : [];
}

export function CopyDialog({ toFile }: { toFile: boolean }) {
  const [formats, setFormats] = useState(known);
  const list = useRef<HTMLUListElement>(null);
  const row = focusRow.peek();
  const many = selection.targetCount();
  useEffect(() => {
    if (known.length === 0) void attempt("Formats", () => api.exportFormats()).then((got) => { if (got) setFormats((known = got)); });
  }, []);
  useEffect(() => list.current?.querySelector<HTMLElement>("button")?.focus(), [formats]);
  const plain: [string, () => string][] = row && many <= 1 ? [["URL", () => row.url], ["Host", () => row.host], ["Path", () => row.path]] : [];
  const use = async (format: Format) => {
    close();
    await attempt(format.title, async () => {
      const texts: string[] = [];
      // Redaction is always on for the block that is made to be shared.
      const hide = redact.peek() || format.name === "markdown";
      for (const id of await targets()) {
        if (toFile && format.binary) saveText(new Blob([await (await fetch(api.exportUrl(id, format.name, hide))).arrayBuffer()]), `flow-${id.slice(0, 8)}`);
        else texts.push(await api.exported(id, format.name, hide));
      }
      const text = texts.join("\n\n");
      if (toFile) { if (text) saveText(text, `flow${row ? `-${row.n}` : ""}.${format.name.replace(/\W+/g, "-")}.txt`); }
      else await copyText(text, `${format.title}${many > 1 ? ` of ${plural(many, "flow")}` : ""}`);
    });
  };
  const key = (event: KeyboardEvent) => {
    const items = [...(list.current?.querySelectorAll<HTMLElement>("button") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    items[next % items.length]?.focus();
  };
  return (
    <Dialog title={`${toFile ? "Export" : "Copy"} ${many > 1 ? plural(many, "flow") : "as"}`}>
      <label class="check pad"><input type="checkbox" checked={redact.value} onChange={(event) => (redact.value = event.currentTarget.checked)} /> Redact cookies, authorization, tokens and passwords</label>
      <ul ref={list} class="copy-list" onKeyDown={key}>
        {!toFile && plain.map(([title, text]) => <li><button type="button" onClick={() => { close(); void copyText(text(), title); }}>{title}</button></li>)}
        {toFile && <><li><button type="button" onClick={() => { close(); exportTarget("flow"); }}>Flow file</button></li><li><button type="button" onClick={() => { close(); exportTarget("har"); }}>HAR</button></li></>}
        {formats.filter((format) => toFile || !format.binary).map((format) => <li><button type="button" onClick={() => void use(format)}>{format.title}</button></li>)}
      </ul>
    </Dialog>
  );
}
