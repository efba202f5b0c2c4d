/** What is around every view: navigation, top bar, status line, banner, notices. */
import { useEffect, useState } from "preact/hooks";
import { link, retryNow } from "../api/live";
import { address, bytes, count } from "../lib/format";
import { run } from "../state/actions";
import { filter, dropped, loaded, shown, total } from "../state/list";
import { follow, narrow } from "../state/prefs";
import { format, route, type View } from "../state/route";
import * as selection from "../state/selection";
import { online, state, unseenErrors } from "../state/session";
import { paused } from "../state/session-counts";
import { dismiss, polite, toasts, urgent } from "../state/toast";
import { Button } from "../ui/controls";
import { Icon, type IconName } from "../ui/icon";
import { FilterBox } from "./list/filter-box";

const NAV: readonly [View, IconName, string][] = [["flows", "flows", "Flows"], ["paused", "paused", "Paused"], ["compose", "compose", "Compose"], ["rules", "rules", "Rules"], ["search", "search", "Find"], ["stats", "stats", "Stats"], ["events", "events", "Log"], ["connect", "connect", "Connect"], ["options", "options", "Options"]];

export function Rail() {
  const now = route.value.view;
  const badge = (view: View) => (view === "paused" ? paused.value : view === "events" ? unseenErrors.value : 0);
  return (
    <nav class="rail" aria-label="Views">
      {NAV.map(([view, icon, title]) => {
        const n = badge(view);
        return (
          <a href={format(view)} class="rail-item" aria-current={now === view ? "page" : undefined}>
            <Icon name={icon} size={18} />
            <span class="rail-title">{title}</span>
            {n > 0 && <span class={`rail-badge ${view}`}>{n > 99 ? "99+" : n}<span class="visually-hidden">{view === "paused" ? " paused" : " new errors"}</span></span>}
          </a>
        );
      })}
    </nav>
  );
}

export function TopBar() {
  const s = state.value;
  const here = route.value.view === "flows" && !(narrow.value && route.value.args.length > 0);
  return (
    <header class="top-bar">
      <h1 class="brand">midwire</h1>
      {here ? <FilterBox /> : <span class="grow" />}
      <span class="top-tools">
        {s?.intercept && (
          <button type="button" class={`pill ${s.intercept_active ? "on" : ""}`} aria-pressed={s.intercept_active} disabled={!online.value} title={`Intercept filter: ${s.intercept}. Press to turn ${s.intercept_active ? "off" : "on"} (I)`} onClick={() => run("intercept-toggle")}>
            <span aria-hidden="true">‖</span> <span class="pill-text">{s.intercept}</span> {s.intercept_active ? "on" : "off"}
          </button>
        )}
        {paused.value > 0 && <a class="pill paused-pill" href={format("paused")}>‖ {count(paused.value)} paused</a>}
        <Button icon="search" tone="quiet" label="Command palette" keys="Ctrl+K" onClick={() => run("palette")} />
        <Button icon="theme" tone="quiet" label="Appearance and keys" keys="," onClick={() => run("settings")} />
        <Button icon="help" tone="quiet" label="Keys and help" keys="?" onClick={() => run("help")} />
      </span>
    </header>
  );
}

export function Banner() {
  const [now, setNow] = useState(Date.now());
  const { state: how, retryAt, tries } = link.value;
  const lost = how === "lost";
  useEffect(() => {
    if (!lost) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [lost]);
  if (!lost) return null;
  const left = Math.max(0, Math.ceil((retryAt - now) / 1000));
  return (
    <div class="banner" role="alert">
      <span><b>The connection to midwire is lost.</b> <span aria-live="off">{retryAt ? `Next try in ${left} s` : "Trying…"} (try {tries}).</span> The list stays readable; actions have to wait.</span>
      <Button onClick={retryNow}>Try now</Button>
    </div>
  );
}

export function StatusLine() {
  const s = state.value;
  const chosen = selection.count.value;
  const replaying = [s?.replay?.client ? "client replay" : "", s?.replay?.server ? "server replay" : ""].filter(Boolean);
  return (
    <footer class="status-line data" aria-label="Status">
      {chosen > 0 && <span class="strong">{count(chosen)} selected <button type="button" class="text-button" onClick={selection.clear}>clear</button></span>}
      {s?.servers.map((server) => <span title={server.error ?? server.description} class={server.is_running ? "" : "status bad"}>{server.is_running ? server.listen_addrs.map(address).join(" ") : `! ${server.spec} failed`} <span class="dim">{server.type}</span></span>)}
      {(s?.weakening ?? []).map((one) => <a href="#/options" class="status warn">! {one.option}{one.value === true ? "" : ` ${String(one.value)}`}</a>)}
      {s?.throttle && <span class="status warn">throttle {s.throttle}</span>}
      {replaying.map((text) => <span>{text}</span>)}
      {(s?.scripts ?? []).map((script) => <span title={script}>script {script.split("/").pop()}</span>)}
      {s?.recording && <span title={s.recording}>● recording to {s.recording.split("/").pop()}</span>}
      {dropped.value > 0 && <span class="status warn" title="Change notices this page was too slow for; the list is up to date">{count(dropped.value)} notices dropped</span>}
      <span class="push" />
      <button type="button" class="text-button" aria-pressed={follow.value} onClick={() => run("follow")}>{follow.value ? "following" : "not following"}</button>
      <span>{loaded.value ? (filter.value ? `${count(shown.value)} of ${count(total.value)}` : `${count(total.value)} flows`) : ""}</span>
      {s?.memory && <span title="Memory used of memory allowed">{bytes(s.memory.used)}{s.memory.allowed ? ` of ${bytes(s.memory.allowed)}` : ""}</span>}
      <span class={online.value ? "dim" : "status bad"}>{online.value ? "live" : link.value.state === "connecting" ? "connecting" : "! offline"}</span>
    </footer>
  );
}

export function Notices() {
  return (
    <>
      <div class="toasts">
        {toasts.value.map((toast) => (
          <div key={toast.id} class={`toast ${toast.role}`} role={toast.role === "bad" ? "alert" : "status"}>
            <span>{toast.text}</span>
            <Button icon="close" tone="quiet" label="Dismiss" onClick={() => dismiss(toast.id)} />
          </div>
        ))}
      </div>
      <div class="visually-hidden" aria-live="polite">{polite.value}</div>
      <div class="visually-hidden" aria-live="assertive">{urgent.value}</div>
    </>
  );
}
