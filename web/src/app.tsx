/** The page as a whole: which view, which dialogs, which keys. */
import { useEffect } from "preact/hooks";
import { api } from "./api/client";
import { count } from "./lib/format";
import { isTyping } from "./lib/keys";
import { actionFor, run } from "./state/actions";
import { dialog, menu } from "./state/dialogs";
import { loaded, shown, total, filter } from "./state/list";
import { density, narrow, singleKeys, theme } from "./state/prefs";
import { route } from "./state/route";
import { signedOut } from "./state/session";
import { paused } from "./state/session-counts";
import { attempt, say } from "./state/toast";
import { MenuLayer } from "./ui/dialog";
import { Compare } from "./views/compare";
import { Compose } from "./views/compose";
import { Connect } from "./views/connect";
import { DialogLayer } from "./views/dialogs/layer";
import { Events } from "./views/events";
import { Flows } from "./views/flows";
import { Options } from "./views/options";
import { Paused } from "./views/paused";
import { Rules } from "./views/rules";
import { Search } from "./views/search";
import { Banner, Notices, Rail, StatusLine, TopBar } from "./views/shell";
import { SignedOut } from "./views/signed-out";
import { Stats } from "./views/stats";

function CurrentView() {
  switch (route.value.view) {
    case "paused": return <Paused />;
    case "compare": return <Compare />;
    case "compose": return <Compose />;
    case "rules": return <Rules />;
    case "stats": return <Stats />;
    case "connect": return <Connect />;
    case "events": return <Events />;
    case "options": return <Options />;
    case "search": return <Search />;
    default: return <Flows />;
  }
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const open = dialog.peek() !== null || menu.peek() !== null;
  const typing = isTyping(event.target);
  const control = event.ctrlKey || event.metaKey;
  if (open && !(control && /^[kp]$/i.test(event.key))) return;
  if (typing && !control && event.key !== "Escape") return;
  const action = actionFor(event, route.peek().view, singleKeys.peek());
  if (!action) return;
  // Enter and space belong to the control that has the focus, copying to the selected text.
  const onControl = event.target instanceof HTMLElement && event.target.closest("button, a, summary, [role=tab], [role=listbox], [role=separator], label, .code-scroll") !== null;
  if (onControl && /^(?:Enter|Space| |Arrow|Home|End)/.test(event.key)) return;
  if (typing && (action.id === "copy" || action.id === "select-all" || action.id === "select")) return;
  if (action.id === "copy" && control && String(getSelection() ?? "") !== "") return;
  if (typing && action.id === "escape") {
    (event.target as HTMLElement).blur();
    document.getElementById("flow-grid")?.focus();
    return;
  }
  event.preventDefault();
  run(action.id);
}

function loadFile(file: File | undefined): void {
  if (!file) return;
  say(`Reading ${file.name}…`);
  void attempt("Load", () => api.load(file)).then((done) => {
    if (!done) return;
    if (done.error) say(`${file.name}: ${count(done.loaded)} flows read, then ${done.error}${done.offset === null ? "" : ` at byte ${count(done.offset)}`}`, "bad");
    else say(`${count(done.loaded)} flows read from ${file.name}`);
  });
}

export function App() {
  useEffect(() => {
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  const view = route.value.view;
  useEffect(() => {
    const counts = loaded.value ? `${filter.value ? `${count(shown.value)} of ` : ""}${count(total.value)} flows` : "";
    document.title = [paused.value ? `‖ ${paused.value}` : "", counts, "midwire"].filter(Boolean).join(" · ");
  }, [loaded.value, shown.value, total.value, filter.value, paused.value]);
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme.value;
    document.documentElement.dataset["density"] = density.value;
  }, [theme.value, density.value]);
  if (signedOut.value) return <SignedOut />;
  return (
    <div class={`app ${narrow.value ? "narrow" : ""}`} onDragOver={(event) => { if (event.dataTransfer?.types.includes("Files")) event.preventDefault(); }} onDrop={(event) => { const file = event.dataTransfer?.files[0]; if (file) { event.preventDefault(); loadFile(file); } }}>
      <a class="skip-link" href="#main" onClick={(event) => { event.preventDefault(); (document.getElementById("flow-grid") ?? document.getElementById("main"))?.focus(); }}>Skip to the content</a>
      <TopBar />
      <Banner />
      <Rail />
      <main id="main" tabIndex={-1} data-view={view}><CurrentView /><MenuLayer /><Notices /></main>
      {!narrow.value && <StatusLine />}
      <input id="load-file" type="file" hidden aria-label="Flow file or HAR" onChange={(event) => { loadFile(event.currentTarget.files?.[0]); event.currentTarget.value = ""; }} />
      <DialogLayer />
    </div>
  );
}
