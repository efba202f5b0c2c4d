/** The header block: folded, sorted, copied; secrets and structures decoded beside it. */
import { useState } from "preact/hooks";
import type { HeaderPair } from "../../api/types";
import { count, visible } from "../../lib/format";
import { decoded } from "../../lib/header-values";
import { copyText } from "../../state/export";
import { Button } from "../../ui/controls";
import { Icon } from "../../ui/icon";

export function HeaderBlock({ title, headers, original }: { title: string; headers: readonly HeaderPair[]; original?: readonly HeaderPair[] | null }) {
  const [open, setOpen] = useState(true);
  const [sorted, setSorted] = useState(false);
  const list = sorted ? [...headers].sort((a, b) => a[0].toLowerCase().localeCompare(b[0].toLowerCase())) : headers;
  const before = original ? changes(original, headers) : null;
  return (
    <section class="block">
      <div class="block-head">
        <button type="button" class="fold" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name={open ? "down" : "right"} size={12} /> {title} <span class="dim">({count(headers.length)})</span>
        </button>
        {open && headers.length > 1 && (
          <span class="push">
            <button type="button" class="text-button" aria-pressed={sorted} onClick={() => setSorted(!sorted)}>sort</button>
            <button type="button" class="text-button" onClick={() => void copyText(headers.map(([name, value]) => `${name}: ${value}`).join("\n"), title.toLowerCase())}>copy all</button>
          </span>
        )}
      </div>
      {open && (
        <dl class="headers data">
          {list.map(([name, value]) => <HeaderLine name={name} value={value} was={before?.changed.get(`${name.toLowerCase()}\n${value}`)} />)}
          {before?.removed.map(([name, value]) => (
            <div class="header removed"><dt><span class="diff-sign">−</span>{visible(name)}</dt><dd><del>{visible(value)}</del></dd></div>
          ))}
          {headers.length === 0 && <div class="header dim"><dt>none</dt><dd /></div>}
        </dl>
      )}
    </section>
  );
}

function HeaderLine({ name, value, was }: { name: string; value: string; was?: string | null | undefined }) {
  const [open, setOpen] = useState(false);
  const inside = decoded(name, value);
  return (
    <div class={`header ${was === undefined ? "" : was === null ? "added" : "changed"}`}>
      <dt>
        {was !== undefined && <span class="diff-sign" title={was === null ? "added" : "changed"}>{was === null ? "+" : "~"}</span>}
        {visible(name)}
      </dt>
      <dd>
        {was && <><del>{visible(was)}</del> <span class="dim">→</span> </>}
        <span class="header-value">{visible(value)}</span>
        <span class="header-tools">
          {inside && <button type="button" class="text-button" aria-expanded={open} aria-label={`Decode ${name}`} onClick={() => setOpen(!open)}>{open ? "close" : "decode"}</button>}
          <Button icon="copy" tone="quiet" label={`Copy ${name}`} onClick={() => void copyText(value, name)} />
        </span>
        {inside && open && (
          <table class="decoded"><tbody>{inside.map(([key, text]) => <tr><th scope="row">{visible(key)}</th><td>{visible(text)}</td></tr>)}</tbody></table>
        )}
      </dd>
    </div>
  );
}

/** Which header lines are new, changed (with the value before) or gone. */
export function changes(before: readonly HeaderPair[], after: readonly HeaderPair[]): { changed: Map<string, string | null>; removed: HeaderPair[] } {
  const same = (a: HeaderPair, b: HeaderPair) => a[0].toLowerCase() === b[0].toLowerCase() && a[1] === b[1];
  const left = before.filter((line) => !after.some((other) => same(line, other)));
  const changed = new Map<string, string | null>();
  for (const line of after) {
    if (before.some((other) => same(line, other))) continue;
    const at = left.findIndex((other) => other[0].toLowerCase() === line[0].toLowerCase());
    changed.set(`${line[0].toLowerCase()}\n${line[1]}`, at >= 0 ? (left.splice(at, 1)[0]?.[1] ?? null) : null);
  }
  return { changed, removed: left };
}
