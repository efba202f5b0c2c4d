/** Text with line numbers, folding, colours and search; only the visible rows are in the page. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { count, visible } from "../../lib/format";
import { pieces, tokens } from "../../lib/highlight";
import { nameOf } from "../../lib/keys";
import { blocks, jsonPath, LINE_MAX, pattern, rows, search, type Hit } from "../../lib/text";
import { reveal, slice } from "../../lib/virtual";
import { copyText } from "../../state/export";
import { wrap } from "../../state/prefs";
import { Button, useWidth } from "../../ui/controls";

const ROW = 18;

export function BodyText({ lines, syntax, findId }: { lines: readonly string[]; syntax: string; findId?: string }) {
  const [box, width, height] = useWidth<HTMLDivElement>();
  const [top, setTop] = useState(0);
  const [folded, setFolded] = useState<ReadonlySet<number>>(new Set());
  const [cursor, setCursor] = useState(-1);
  const [text, setText] = useState("");
  const [regex, setRegex] = useState(false);
  const [matchCase, setMatchCase] = useState(false);
  const [current, setCurrent] = useState(0);
  const find = useRef<HTMLInputElement>(null);
  const glyph = useGlyphWidth(box);
  const digits = String(lines.length).length;
  const gutter = Math.max(2, digits) * glyph + 30;
  const columns = wrap.value && width > 0 ? Math.max(20, Math.floor((width - gutter - 24) / glyph)) : null;
  const ends = useMemo(() => blocks(lines), [lines]);
  const all = useMemo(() => rows(lines, ends, { columns, folded }), [lines, ends, columns, folded]);
  const hits = useMemo(() => search(lines, text, { regex, matchCase }), [lines, text, regex, matchCase]);
  const byLine = useMemo(() => groupByLine(hits), [hits]);
  const bad = regex && text !== "" && pattern(text, { regex, matchCase }) === null;

  useEffect(() => {
    setFolded(new Set());
    setCursor(-1);
    if (box.current) box.current.scrollTop = 0;
  }, [lines]);

  const show = (hit: Hit | undefined) => {
    if (!hit) return;
    const hidden = [...folded].filter((line) => hit.line > line && hit.line <= (ends.get(line) ?? line));
    const open = hidden.length ? new Set([...folded].filter((line) => !hidden.includes(line))) : folded;
    if (hidden.length) setFolded(open);
    const visibleRows = hidden.length ? rows(lines, ends, { columns, folded: open }) : all;
    const index = visibleRows.findIndex((row) => row.line === hit.line && hit.start >= row.start && hit.start < Math.max(row.end, row.start + 1));
    const element = box.current;
    if (index < 0 || !element) return;
    requestAnimationFrame(() => {
      const place = reveal(index, element.scrollTop, element.clientHeight - ROW, ROW, visibleRows.length);
      if (place !== null) element.scrollTop = place;
    });
  };
  const jump = (by: number) => {
    if (hits.length === 0) return;
    const next = (current + by + hits.length) % hits.length;
    setCurrent(next);
    show(hits[next]);
  };
  useLayoutEffect(() => {
    setCurrent(0);
    show(hits[0]);
  }, [hits]);

  const part = slice(top, Math.max(height, 100), ROW, all.length, 8);
  const toggle = (line: number, want?: boolean) => {
    const next = new Set(folded);
    if (want ?? !next.has(line)) next.add(line);
    else next.delete(line);
    setFolded(next);
  };
  /** Folds everything below a level of indentation. */
  const foldTo = (level: number) => {
    const indents = [...new Set([...ends.keys()].map((line) => (lines[line] ?? "").search(/\S/)))].sort((a, b) => a - b);
    const limit = indents[level];
    setFolded(limit === undefined ? new Set() : new Set([...ends.keys()].filter((line) => (lines[line] ?? "").search(/\S/) >= limit)));
  };
  const path = cursor >= 0 && /json/i.test(syntax) ? jsonPath(lines, cursor) : null;
  const value = cursor >= 0 ? /:\s*(.*?),?$/.exec(lines[cursor] ?? "")?.[1] ?? lines[cursor]?.trim() ?? "" : "";
  const keys = (event: KeyboardEvent) => {
    const name = nameOf(event);
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[name];
    if (name === "n") jump(1);
    else if (name === "N") jump(-1);
    else if (step !== undefined) {
      const at = all.findIndex((row) => row.line >= cursor && row.start === 0);
      let next = cursor < 0 ? part.first : at + step;
      while (all[next] && all[next]?.start !== 0) next += step;
      const line = all[next]?.line;
      if (line !== undefined) {
        setCursor(line);
        const place = reveal(next, box.current?.scrollTop ?? 0, height - ROW, ROW, all.length);
        if (place !== null && box.current) box.current.scrollTop = place;
      }
    } else if ((name === "ArrowRight" || name === "ArrowLeft" || name === "Enter") && cursor >= 0 && ends.has(cursor)) toggle(cursor, name === "Enter" ? undefined : name === "ArrowLeft");
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="code">
      <div class="code-bar" role="search">
        <input ref={find} id={findId} class="data" type="text" placeholder="Find in this view" aria-label="Find in the shown body" value={text} spellcheck={false} aria-invalid={bad || undefined}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") jump(event.shiftKey ? -1 : 1);
            else if (event.key === "Escape") {
              setText("");
              box.current?.focus();
            } else return;
            event.preventDefault();
            event.stopPropagation();
          }} />
        <span class="data dim find-count" role="status">{text ? (bad ? "not a pattern" : hits.length ? `${count(current + 1)}/${count(hits.length)}` : "0/0") : ""}</span>
        <Button tone="quiet" icon="up" label="Previous match (N)" disabled={hits.length === 0} onClick={() => jump(-1)} />
        <Button tone="quiet" icon="down" label="Next match (n)" disabled={hits.length === 0} onClick={() => jump(1)} />
        <button type="button" class="text-button data" aria-pressed={regex} title="Regular expression" aria-label="Regular expression" onClick={() => setRegex(!regex)}>.*</button>
        <button type="button" class="text-button data" aria-pressed={matchCase} title="Match case" aria-label="Match case" onClick={() => setMatchCase(!matchCase)}>Aa</button>
        {ends.size > 0 && (
          <span class="push fold-tools">
            <button type="button" class="text-button" onClick={() => foldTo(1)} title="Fold to the first level">fold 1</button>
            <button type="button" class="text-button" onClick={() => foldTo(2)} title="Fold to the second level">2</button>
            <button type="button" class="text-button" onClick={() => setFolded(new Set())}>unfold</button>
          </span>
        )}
      </div>
      <div ref={box} class={`code-scroll data ${wrap.value ? "" : "sideways"}`} tabIndex={0} role="region" aria-label="Body text" onScroll={(event) => setTop(event.currentTarget.scrollTop)} onKeyDown={keys}>
        <div class="code-rows" style={{ height: `${part.height}px` }}>
          <div style={{ transform: `translateY(${part.top}px)` }}>
            {all.slice(part.first, part.end).map((row) => {
              const line = lines[row.line] ?? "";
              const hidden = line.length > LINE_MAX && !columns && row.end < line.length;
              return (
                <div class={`code-row ${row.line === cursor ? "cursor" : ""}`} key={`${row.line}-${row.start}`} onClick={() => setCursor(row.line)}>
                  <span class="gutter" style={{ width: `${gutter}px` }}>
                    <span class="line-number">{row.start === 0 ? row.line + 1 : "·"}</span>
                    {row.foldable ? <button type="button" tabIndex={-1} class="twist" aria-label={`${row.folded ? "Unfold" : "Fold"} line ${row.line + 1}`} onClick={(event) => { event.stopPropagation(); toggle(row.line); }}>{row.folded ? "▸" : "▾"}</button> : <span class="twist" />}
                  </span>
                  <code>
                    <Line line={line} start={row.start} end={row.end} syntax={syntax} hits={byLine.get(row.line)} current={current} />
                    {row.folded > 0 && <button type="button" tabIndex={-1} class="fold-mark" onClick={() => toggle(row.line)}>… {count(row.folded)} lines {closing(line)}</button>}
                    {hidden && <span class="dim"> … {count(line.length - row.end)} more characters (wrap shows them)</span>}
                  </code>
                </div>
              );
            })}
          </div>
        </div>
      </div>
      {path && (
        <div class="path-bar data">
          <span class="path-text" title={path}>{path}</span>
          <button type="button" class="text-button" onClick={() => void copyText(path, "the JSONPath")}>copy path</button>
          <button type="button" class="text-button" onClick={() => void copyText(path.replace(/^\$/, "") || ".", "the jq path")}>jq</button>
          <button type="button" class="text-button" onClick={() => void copyText(value, "the value")}>copy value</button>
        </div>
      )}
    </div>
  );
}

function Line({ line, start, end, syntax, hits, current }: { line: string; start: number; end: number; syntax: string; hits: (readonly [number, number, number])[] | undefined; current: number }) {
  const parts = pieces(tokens(line, syntax), start, end, hits ?? []);
  return (
    <>
      {parts.map((piece) => {
        const text = visible(piece.text);
        const inner = piece.role ? <span class={`t-${piece.role}`}>{text}</span> : text;
        return piece.hit >= 0 ? <mark class={piece.hit === current ? "now" : ""}>{inner}</mark> : inner;
      })}
    </>
  );
}

function closing(line: string): string {
  const end = line.trimEnd().slice(-1);
  return end === "{" ? "}" : end === "[" ? "]" : "";
}

function groupByLine(hits: readonly Hit[]): Map<number, (readonly [number, number, number])[]> {
  const out = new Map<number, (readonly [number, number, number])[]>();
  hits.forEach((hit, number) => {
    const list = out.get(hit.line) ?? [];
    list.push([hit.start, hit.end, number]);
    out.set(hit.line, list);
  });
  return out;
}

/** Width of one character of the data font. */
function useGlyphWidth(box: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(7.2);
  useLayoutEffect(() => {
    if (!box.current) return;
    const probe = document.createElement("span");
    probe.textContent = "0".repeat(50);
    probe.style.cssText = "position:absolute;visibility:hidden;white-space:pre";
    box.current.append(probe);
    const measured = probe.getBoundingClientRect().width / 50;
    probe.remove();
    if (measured > 0) setWidth(measured);
  }, []);
  return width;
}
