/** One ordered list of rules over the options that hold them, with hit counts and a dry run. */
import { useEffect, useState } from "preact/hooks";
import { api, ApiError } from "../api/client";
import type { Rule, RuleKind } from "../api/types";
import { count, plural } from "../lib/format";
import { openDetail } from "../state/actions";
import { online } from "../state/session";
import { attempt, sentence } from "../state/toast";
import { Button, Empty, Note } from "../ui/controls";

export const KINDS: Readonly<Record<RuleKind, { title: string; shape: string; example: string }>> = {
  intercept: { title: "Break", shape: "filter", example: "~u /login & ~q" },
  block_list: { title: "Block", shape: "/filter/status", example: "/~d ads.example.com/403" },
  map_local: { title: "Map to file", shape: "|filter|url-regex|path", example: "|example.com/app.js|~/app.js" },
  map_remote: { title: "Map to URL", shape: "|filter|url-regex|replacement", example: "|//api.example.com/|//127.0.0.1:3000/" },
  modify_headers: { title: "Set header", shape: "/filter/name/value", example: "/~q/user-agent/midwire" },
  modify_body: { title: "Replace in body", shape: "/filter/regex/replacement", example: "/~s & ~ts html/Hello/Good day" },
};

interface Fault { index: number | null; text: string; position: number | null }

export function Rules() {
  const [rules, setRules] = useState<Rule[] | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [editing, setEditing] = useState<number | null>(null);
  const [before, setBefore] = useState<Rule[] | null>(null);
  const read = () => void attempt("Rules", () => api.rules()).then((got) => got && setRules(got.rules));
  useEffect(() => {
    if (editing !== null) return;
    read();
    const timer = setInterval(() => { if (online.peek() && document.visibilityState === "visible") api.rules().then((got) => setRules(got.rules)).catch(() => {}); }, 3000);
    return () => clearInterval(timer);
  }, [editing, online.value]);
  if (!rules) return <Empty title="Reading…" />;
  const save = async (next: Rule[]): Promise<boolean> => {
    try {
      const got = await api.setRules(next);
      setRules(got.rules ?? next);
      setFault(null);
      setEditing(null);
      setBefore(null);
      if (!got.rules) read();
      return true;
    } catch (error) {
      setFault({ index: error instanceof ApiError ? error.index : null, text: sentence(error), position: error instanceof ApiError ? error.position : null });
      return false;
    }
  };
  const put = (i: number, more: Partial<Rule>) => rules.map((rule, at) => (at === i ? { ...rule, ...more } : rule));
  const swap = (i: number, by: number) => {
    const next = [...rules];
    const [rule] = next.splice(i, 1);
    if (rule) next.splice(i + by, 0, rule);
    void save(next);
  };
  const edit = (i: number) => { setBefore(rules); setEditing(i); setFault(null); };
  const cancel = () => { if (before) setRules(before); setBefore(null); setEditing(null); setFault(null); };
  const add = (kind: RuleKind) => {
    setBefore(rules);
    setRules([...rules, { id: `new-${Date.now()}`, kind, on: true, spec: KINDS[kind].example, hits: null }]);
    setEditing(rules.length);
    setFault(null);
  };
  const off = !online.value;
  return (
    <div class="page scroll pad">
      <div class="page-head">
        <h2>Rules</h2>
        <span class="dim">From top to bottom within each kind. They are the options <code class="data">map_local</code>, <code class="data">modify_headers</code> and so on.</span>
        <label class="push inline">Add <select value="" disabled={off || editing !== null} onChange={(event) => { const kind = event.currentTarget.value as RuleKind; event.currentTarget.value = ""; if (kind) add(kind); }}><option value="">choose a kind…</option>{Object.entries(KINDS).map(([kind, { title }]) => <option value={kind}>{title} ({kind})</option>)}</select></label>
      </div>
      {fault && fault.index === null && <Note role="bad">{fault.text}</Note>}
      {rules.length === 0 ? <Empty title="No rules"><p>Add one above, or choose "Mock this" on a flow to answer its URL with the response that was captured.</p></Empty> : (
        <ol class="rules" aria-label="Rules">
          {rules.map((rule, i) => (
            <li class={`rule ${rule.on ? "" : "off"}`}>
              <label class="switch"><input type="checkbox" checked={rule.on} disabled={off || editing !== null} aria-label={`${KINDS[rule.kind]?.title ?? rule.kind} ${rule.spec}: on`} onChange={(event) => void save(put(i, { on: event.currentTarget.checked }))} /><span aria-hidden="true">{rule.on ? "on" : "off"}</span></label>
              <span class="rule-kind">{KINDS[rule.kind]?.title ?? rule.kind}</span>
              {editing === i ? (
                <RuleEdit rule={rule} fault={fault} onChange={(spec) => setRules(put(i, { spec }))} onSave={() => void save(rules)} onCancel={cancel} />
              ) : (
                <>
                  <code class="data rule-spec">{rule.spec}</code>
                  <span class="dim data rule-hits">{rule.hits === null ? "" : plural(rule.hits, "hit")}</span>
                  <span class="rule-tools">
                    <Button icon="up" tone="quiet" label={`Move rule ${i + 1} up`} disabled={off || i === 0 || editing !== null} onClick={() => swap(i, -1)} />
                    <Button icon="down" tone="quiet" label={`Move rule ${i + 1} down`} disabled={off || i === rules.length - 1 || editing !== null} onClick={() => swap(i, 1)} />
                    <Button icon="edit" tone="quiet" label={`Edit rule ${i + 1}`} disabled={off || editing !== null} onClick={() => edit(i)} />
                    <Button icon="trash" tone="quiet" label={`Delete rule ${i + 1}`} disabled={off || editing !== null} onClick={() => void save(rules.filter((_, at) => at !== i))} />
                  </span>
                </>
              )}
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

function RuleEdit({ rule, fault, onChange, onSave, onCancel }: { rule: Rule; fault: Fault | null; onChange: (spec: string) => void; onSave: () => void; onCancel: () => void }) {
  const [dry, setDry] = useState<{ matches: number; ids: string[] } | string | null>(null);
  const test = () => void api.dryRun(rule.kind, rule.spec).then(setDry).catch((error: unknown) => setDry(sentence(error)));
  return (
    <form class="rule-edit" onSubmit={(event) => { event.preventDefault(); onSave(); }} onKeyDown={(event) => { if (event.key === "Escape") { event.stopPropagation(); onCancel(); } }}>
      <input class="data" autofocus aria-label="Rule" aria-invalid={fault ? true : undefined} value={rule.spec} spellcheck={false} ref={(element) => { if (element && document.activeElement === document.body) element.focus(); }} onInput={(event) => { onChange(event.currentTarget.value); setDry(null); }} />
      <p class="dim">Shape: <code class="data">{KINDS[rule.kind]?.shape}</code>. The first character separates the parts; the filter may be left out.</p>
      {fault && <Note role="bad">{fault.text}{fault.position !== null && <code class="data caret">{rule.spec}{"\n"}{" ".repeat(fault.position)}^</code>}</Note>}
      <p class="actions"><Button tone="primary" type="submit">Save</Button><Button onClick={test}>Dry run</Button><Button onClick={onCancel}>Cancel</Button></p>
      {typeof dry === "string" && <Note role="bad">{dry}</Note>}
      {dry !== null && typeof dry !== "string" && (
        <p class="data" role="status">It would have hit {count(dry.matches)} captured {dry.matches === 1 ? "flow" : "flows"}. {dry.ids.slice(0, 8).map((id, i) => <><button type="button" class="link" onClick={() => openDetail(id)}>flow {i + 1}</button> </>)}</p>
      )}
    </form>
  );
}
