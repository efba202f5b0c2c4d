/** Hosts and paths as a tree, with errors, times and sizes. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { TreeNode } from "../../api/types";
import { and, literal } from "../../lib/filter";
import { bytes, count, duration, visible } from "../../lib/format";
import { filter, setFilter, total } from "../../state/list";
import { listMode, plainWords } from "../../state/prefs";
import { attempt } from "../../state/toast";
import { Empty } from "../../ui/controls";
import { Icon } from "../../ui/icon";

interface Line {
  node: TreeNode;
  key: string;
  level: number;
  path: string[];
}

/** At most this many lines are drawn; hosts beyond it are counted. */
const LINES_MAX = 400;

function flatten(nodes: readonly TreeNode[], open: ReadonlySet<string>, path: string[] = [], out: Line[] = []): Line[] {
  for (const node of nodes) {
    const here = [...path, node.name];
    const key = here.join("\n");
    out.push({ node, key, level: here.length, path: here });
    if (open.has(key)) flatten(node.children, open, here, out);
  }
  return out;
}

/** The filter for a node: its host, and its path with folded parts as patterns. */
export function nodeFilter(path: readonly string[]): string {
  const [host = "", ...parts] = path;
  const rest = parts.map((part) => `/${part.replace(/^\/+/, "")}`).join("");
  if (!rest || rest === "/") return `~d ${literal(host)}`;
  const escaped = rest.split(/\{(?:id|uuid|hash)\}/).map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[^/?]+");
  return `~d ${literal(host)} & ~u "${escaped.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

export function Tree() {
  const [nodes, setNodes] = useState<TreeNode[] | null>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState(0);
  const now = filter.value;
  const flows = total.value;
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      void attempt("Tree", () => api.tree({ filter: now, plain: plainWords.peek() }, abort.signal)).then((read) => {
        if (!read) return;
        const list = Array.isArray(read) ? read : read.nodes;
        setNodes((before) => {
          if (!before) setOpen(new Set(list.slice(0, 8).map((node) => node.name)));
          return list;
        });
      });
    }, nodes ? 500 : 0);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [now, flows]);
  if (!nodes) return <Empty title="Reading the tree…" />;
  const all = flatten(nodes, open);
  const lines = all.slice(0, LINES_MAX);
  if (lines.length === 0) return <Empty title={now ? "No flow matches the filter" : "No flows yet"} />;
  const toggle = (key: string, want?: boolean) => {
    const next = new Set(open);
    if (want ?? !next.has(key)) next.add(key);
    else next.delete(key);
    setOpen(next);
  };
  const use = (line: Line) => {
    setFilter(and(now, nodeFilter(line.path)));
    listMode.value = "table";
  };
  const key = (event: KeyboardEvent) => {
    const line = lines[at];
    if (!line) return;
    const parent = lines.slice(0, at).findLastIndex((one) => one.level < line.level);
    if (event.key === "ArrowDown" || event.key === "j") setAt(Math.min(lines.length - 1, at + 1));
    else if (event.key === "ArrowUp" || event.key === "k") setAt(Math.max(0, at - 1));
    else if (event.key === "ArrowRight" || event.key === "l") toggle(line.key, true);
    else if (event.key === "ArrowLeft" || event.key === "h") {
      if (open.has(line.key)) toggle(line.key, false);
      else if (parent >= 0) setAt(parent);
    } else if (event.key === "Enter") use(line);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="tree-wrap">
      <div class="tree" role="tree" tabIndex={0} aria-label="Hosts and paths" aria-activedescendant={`node-${at}`} onKeyDown={key}>
        {lines.map((line, i) => {
          const { node } = line;
          const folded = node.children.length > 0;
          return (
            <div role="treeitem" id={`node-${i}`} class={`tree-line ${i === at ? "focused" : ""}`} aria-level={line.level} aria-expanded={folded ? open.has(line.key) : undefined} aria-selected={i === at} style={{ paddingLeft: `${line.level * 16 - 8}px` }}
              onClick={() => { setAt(i); if (folded) toggle(line.key); }} onDblClick={() => use(line)}>
              <span class="twist">{folded && <Icon name={open.has(line.key) ? "down" : "right"} size={12} />}</span>
              <span class={`tree-name data ${line.level === 1 ? "strong" : ""}`}>{visible(node.name)}</span>
              <span class="tree-facts data">
                <span>{count(node.count)} {line.level === 1 ? "flows" : ""}</span>
                <span class="dim">{Object.entries(node.methods).map(([name, n]) => `${name} ${n}`).join("  ")}</span>
                <span>{Object.entries(node.statuses).map(([status, n]) => <span class={`status ${status >= "5" ? "bad" : status >= "4" ? "warn" : "dim"}`}>{status}×{n} </span>)}</span>
                {node.errors > 0 && <span class="status bad">! {node.errors} {node.errors === 1 ? "error" : "errors"}</span>}
                <span class="dim">{node.p95 === null ? "" : `p95 ${duration(node.p95)}`}</span>
                <span class="dim">{bytes(node.bytes)}</span>
              </span>
            </div>
          );
        })}
      </div>
      <p class="hint">Enter filters by the line; → and ← open and close.{all.length > lines.length ? ` ${count(all.length - lines.length)} more lines: narrow the filter or close hosts.` : ""}</p>
    </div>
  );
}
