/** Getting flows out: files by link, text by clipboard. */
import { api } from "../api/client";
import { filter } from "./list";
import { plainWords } from "./prefs";
import * as selection from "./selection";
import { say } from "./toast";

export function download(url: string, name?: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = name ?? "";
  document.body.append(link);
  link.click();
  link.remove();
}

/** Saves the selected flows, or all that the view shows. */
export function exportTarget(format: "flow" | "har"): void {
  const ids = [...selection.ids.peek()];
  const which = !selection.all.peek() && ids.length > 0 ? { ids: ids.join(",") } : { filter: filter.peek(), plain: plainWords.peek() };
  download(api.dumpUrl({ ...which, format }), format === "har" ? "flows.har" : "flows.flow");
}

export async function copyText(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied ${what}`);
  } catch {
    if (copyOldWay(text)) say(`Copied ${what}`);
    else say(`Copying ${what}: the browser does not allow it here`, "bad");
  }
}

/** Pages that are not served from loopback or by https have no clipboard object. */
function copyOldWay(text: string): boolean {
  const box = document.createElement("textarea");
  box.value = text;
  box.style.position = "fixed";
  box.style.opacity = "0";
  (document.querySelector("dialog[open]") ?? document.body).append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  return done;
}

export function saveText(text: BlobPart, name: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  download(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
