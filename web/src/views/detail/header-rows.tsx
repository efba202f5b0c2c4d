/** Headers as rows of name and value that can be changed, moved, added and removed. */
import type { HeaderPair } from "../../api/types";
import { Button } from "../../ui/controls";

export function HeaderRows({ headers, onChange }: { headers: HeaderPair[]; onChange: (headers: HeaderPair[]) => void }) {
  const put = (i: number, pair: HeaderPair) => onChange(headers.map((one, at) => (at === i ? pair : one)));
  const swap = (i: number, by: number) => {
    const next = [...headers];
    const [line] = next.splice(i, 1);
    if (line) next.splice(i + by, 0, line);
    onChange(next);
  };
  return (
    <fieldset class="header-rows">
      <legend>Headers</legend>
      {headers.map(([name, value], i) => (
        <div class="header-row">
          <input class="data" aria-label={`Name of header ${i + 1}`} value={name} placeholder="name" spellcheck={false} onInput={(event) => put(i, [event.currentTarget.value, value])}
            onKeyDown={(event) => { if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) { event.preventDefault(); swap(i, event.key === "ArrowUp" ? -1 : 1); } }} />
          <input class="data" aria-label={`Value of header ${i + 1}`} value={value} placeholder="value" spellcheck={false} onInput={(event) => put(i, [name, event.currentTarget.value])} />
          <Button icon="up" tone="quiet" label={`Move header ${i + 1} up`} disabled={i === 0} onClick={() => swap(i, -1)} />
          <Button icon="close" tone="quiet" label={`Remove header ${i + 1}`} onClick={() => onChange(headers.filter((_, at) => at !== i))} />
        </div>
      ))}
      <Button icon="plus" tone="quiet" onClick={() => onChange([...headers, ["", ""]])}>Add header</Button>
    </fieldset>
  );
}
