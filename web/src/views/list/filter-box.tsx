/** The filter box: narrows while typing, keeps the last good list on errors, offers completions. */
import { useEffect, useRef, useState } from "preact/hooks";
import { count } from "../../lib/format";
import { offers, type Offer } from "../../lib/filter";
import { filter, loaded, sendView, setFilter, shown, total, viewError, win } from "../../state/list";
import { history, plainWords, remember } from "../../state/prefs";
import { filterHelp } from "../../state/session";
import { Icon } from "../../ui/icon";

/** Operators offered before the server's own list is here. */
const OPERATORS: readonly (readonly [string, string])[] = [
  ["~d regex", "Host"], ["~u regex", "URL"], ["~m regex", "Method"], ["~c int", "Status code"], ["~t regex", "Content type"], ["~b regex", "Body"], ["~h regex", "Headers"],
  ["~e", "Error"], ["~marked", "Marked"], ["~websocket", "WebSocket"], ["~s", "Has a response"], ["~q", "No response yet"],
];

function seen(): Record<string, string[]> {
  const rows = win.peek().rows;
  const unique = (all: (string | null)[]) => [...new Set(all.filter((one): one is string => Boolean(one)))];
  const hosts = unique(rows.map((row) => row.host));
  const kinds = unique(rows.map((row) => row.kind));
  return {
    "~d": hosts, "~m": unique(rows.map((row) => row.method)), "~c": unique(rows.map((row) => (row.status === null ? null : String(row.status)))),
    "~t": kinds, "~ts": kinds, "~src": unique(rows.map((row) => row.client)), "~dst": unique(rows.map((row) => row.server)),
  };
}

export function FilterBox() {
  const box = useRef<HTMLInputElement>(null);
  const before = useRef("");
  const [offered, setOffered] = useState<Offer[]>([]);
  const [chosen, setChosen] = useState(-1);
  const past = useRef(-1);
  const text = filter.value;
  const fault = viewError.value;

  // A filter that was set from elsewhere shows up here.
  useEffect(() => {
    if (box.current && box.current.value !== text) box.current.value = text;
  }, [text]);

  const typed = (value: string) => {
    setFilter(value);
    const at = box.current?.selectionStart ?? value.length;
    setOffered(offers(value, at, filterHelp.peek().length ? filterHelp.peek() : OPERATORS, seen()));
    setChosen(-1);
  };
  const put = (value: string) => {
    if (box.current) box.current.value = value;
    typed(value);
  };
  const leave = () => {
    setOffered([]);
    document.getElementById("flow-grid")?.focus();
  };
  const key = (event: KeyboardEvent) => {
    const down = event.key === "ArrowDown";
    if (event.key === "Enter" || event.key === "Tab") {
      const offer = offered[chosen];
      if (offer) {
        event.preventDefault();
        put(offer.result);
      } else if (event.key === "Enter") {
        remember(history, filter.peek());
        leave();
      }
    } else if (event.key === "Escape") {
      event.stopPropagation();
      if (offered.length > 0 && chosen >= 0) setOffered([]);
      else {
        put(before.current);
        leave();
      }
    } else if ((down || event.key === "ArrowUp") && offered.length > 0) {
      event.preventDefault();
      setChosen((chosen + (down ? 1 : offered.length) + (chosen < 0 && !down ? 1 : 0) - (down ? 0 : 0)) % offered.length);
    } else if (down || event.key === "ArrowUp") {
      event.preventDefault();
      past.current = Math.max(-1, Math.min(history.peek().length - 1, past.current + (down ? -1 : 1)));
      const value = past.current < 0 ? before.current : (history.peek()[past.current] ?? "");
      if (box.current) box.current.value = value;
      setFilter(value);
    } else return;
  };
  const place = fault?.position ?? null;
  return (
    <div class={`filter ${fault ? "has-fault" : ""}`}>
      <label class="visually-hidden" for="filter-box">Filter flows</label>
      <Icon name="search" size={14} />
      <input
        ref={box} id="filter-box" type="text" class="data" defaultValue={text} autocomplete="off" autocapitalize="off" spellcheck={false}
        placeholder={plainWords.value ? "Filter: words, or ~d host & ~c 404" : "Filter: ~d host & ~c 404"}
        role="combobox" aria-expanded={offered.length > 0} aria-controls="filter-offers" aria-autocomplete="list" aria-invalid={fault ? true : undefined} aria-describedby="filter-fault filter-count"
        aria-activedescendant={chosen >= 0 ? `offer-${chosen}` : undefined}
        onInput={(event) => typed(event.currentTarget.value)} onKeyDown={key}
        onFocus={() => { before.current = filter.peek(); past.current = -1; }} onBlur={() => setTimeout(() => setOffered([]), 120)}
      />
      {text && <button type="button" class="filter-clear" aria-label="Clear the filter" title="Clear (Esc)" onClick={() => { put(""); box.current?.focus(); }}><Icon name="close" size={12} /></button>}
      <span class="filter-count" id="filter-count">{loaded.value ? (text ? `${count(shown.value)} of ${count(total.value)}` : `${count(total.value)} flows`) : "…"}</span>
      <button type="button" class="filter-mode" aria-pressed={plainWords.value} title="Plain words: text without ~ matches host, path, method, status, type and comment" onClick={() => { plainWords.value = !plainWords.peek(); sendView(); }}>words</button>
      <div id="filter-fault" class="filter-fault" role="status">
        {fault && (
          <>
            {place !== null && <code class="data" aria-hidden="true">{text.slice(0, place)}<mark>{text.slice(place, place + 1) || " "}</mark>{text.slice(place + 1)}{"\n"}{" ".repeat(place)}^</code>}
            <span>{fault.error}{place !== null ? ` (at character ${place + 1})` : ""}. The list shows the last filter that was understood.</span>
          </>
        )}
      </div>
      <ul id="filter-offers" class="offers" role="listbox" aria-label="Completions" hidden={offered.length === 0}>
        {offered.map((offer, i) => (
          <li id={`offer-${i}`} role="option" aria-selected={i === chosen} class={i === chosen ? "chosen" : ""} onPointerDown={(event) => { event.preventDefault(); put(offer.result); }}>
            <code>{offer.text}</code>
            <span>{offer.about}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
