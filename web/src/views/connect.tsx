/** How to get traffic into midwire: addresses, certificate authority, recipes, QR code. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import { address, date } from "../lib/format";
import { state } from "../state/session";
import { sentence } from "../state/toast";
import { Button, CopyBlock, Note } from "../ui/controls";

type Info = Awaited<ReturnType<typeof api.connect>>;

function Listeners() {
  const servers = state.value?.servers ?? [];
  return (
    <table class="facts-table data listeners"><tbody>
      {servers.map((server) => (
        <tr>
          <th scope="row">{server.spec}</th>
          <td>{server.is_running ? <span class="status good">✓ {server.listen_addrs.map(address).join(", ") || "running"}</span> : <span class="status bad">! not running</span>}</td>
          <td class="dim">{server.error ?? server.description}</td>
        </tr>
      ))}
      {servers.length === 0 && <tr><td class="dim">No proxy is listening.</td></tr>}
    </tbody></table>
  );
}

export function proxyAddress(): string {
  const first = state.value?.servers.find((server) => server.is_running && server.listen_addrs.length > 0)?.listen_addrs[0];
  if (!first) return "127.0.0.1:8080";
  const [host, port] = first;
  return address([host === "0.0.0.0" || host === "*" || host === "" ? "127.0.0.1" : host === "::" ? "::1" : host, port]);
}

/** What an empty list shows. */
export function ConnectSummary() {
  const ca = state.value?.ca;
  return (
    <div class="connect-summary">
      <h2>Waiting for traffic</h2>
      <p>Send something through the proxy and it appears here.</p>
      <Listeners />
      <CopyBlock name="a curl line" text={`curl -x http://${proxyAddress()} http://example.com/`} />
      <p class="actions">
        {ca && <a class="button" href={ca.download.pem} download><span>CA certificate (PEM)</span></a>}
        <a class="button" href="#/connect"><span>All ways to connect</span></a>
        <Button onClick={() => document.getElementById("load-file")?.click()}>Open a flow file</Button>
      </p>
    </div>
  );
}

export function Connect() {
  const [info, setInfo] = useState<Info | null>(null);
  const [fault, setFault] = useState("");
  const [which, setWhich] = useState("");
  useEffect(() => void api.connect().then(setInfo).catch((error: unknown) => setFault(sentence(error))), []);
  const ca = state.value?.ca;
  const recipe = info?.recipes.find((one) => one.id === which) ?? info?.recipes[0];
  const wireguard = state.value?.servers.find((server) => server.wireguard_conf)?.wireguard_conf;
  return (
    <div class="page scroll pad connect">
      <div class="page-head"><h2>Connect</h2><span class="dim">midwire {state.value?.version ?? ""} on {state.value?.platform ?? ""}</span></div>
      <section><h3>Listening</h3><Listeners /></section>
      <div class="columns">
        <section>
          <h3>Certificate authority</h3>
          {ca ? (
            <>
              <table class="facts-table data"><tbody>
                <tr><th scope="row">Subject</th><td>{ca.subject}</td></tr>
                <tr><th scope="row">Valid</th><td>{date(ca.not_before)} to {date(ca.not_after)}</td></tr>
                <tr><th scope="row">SHA-256</th><td class="break">{ca.sha256}</td></tr>
              </tbody></table>
              <p class="actions">
                <a class="button primary" href={ca.download.pem} download><span>PEM</span></a>
                <a class="button" href={ca.download.p12} download><span>P12 (Windows)</span></a>
                <a class="button" href={ca.download.cer} download><span>CER (Android)</span></a>
              </p>
            </>
          ) : <p class="dim">No certificate authority is loaded.</p>}
          <p class="dim">A client that uses the proxy can also fetch it from <code class="data">http://{state.value?.onboarding_host ?? "mitm.it"}/</code>.</p>
        </section>
        {info?.qr && (
          <section class="qr">
            <h3>For a phone</h3>
            <img class="qr-code" alt={`QR code of ${info.url ?? "the certificate page"}`} src={`data:image/svg+xml,${encodeURIComponent(info.qr)}`} width={148} height={148} />
            <p class="data dim">{info.url ?? `http://${state.value?.onboarding_host ?? "mitm.it"}/`}</p>
          </section>
        )}
      </div>
      <section>
        <h3>Recipes</h3>
        {fault && <Note role="bad">{fault}</Note>}
        {info && (
          <div class="recipes">
            <ul class="pick-list" aria-label="Recipes">{info.recipes.map((one) => <li><button type="button" class={one === recipe ? "pick chosen" : "pick"} aria-current={one === recipe ? "true" : undefined} onClick={() => setWhich(one.id)}>{one.title}</button></li>)}</ul>
            {recipe && <CopyBlock name={recipe.title} text={recipe.text} />}
          </div>
        )}
        {wireguard && <><h3>WireGuard</h3><CopyBlock name="WireGuard configuration" text={wireguard} /></>}
      </section>
    </div>
  );
}
