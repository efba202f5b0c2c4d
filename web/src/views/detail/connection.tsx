/** Both connections: addresses, TLS, certificate. */
import type { Certificate, Connection, Flow } from "../../api/types";
import { address, date, visible } from "../../lib/format";
import { copyText } from "../../state/export";
import { Empty } from "../../ui/controls";

export function ConnectionTab({ flow }: { flow: Flow }) {
  return (
    <div class="pad scroll">
      <Side title="Client" connection={flow.client_conn} />
      <Side title="Server" connection={flow.server_conn} />
    </div>
  );
}

function Side({ title, connection }: { title: string; connection: Connection | null }) {
  if (!connection) return <><h3>{title}</h3><Empty title={`There was no connection to the ${title.toLowerCase()}`} /></>;
  const c = connection;
  const facts: [string, string | null | undefined][] = [
    ["Address", c.address ? address(c.address) : null], [title === "Server" ? "Resolved address" : "Peer", address(c.peername)], ["Our side", address(c.sockname)],
    ["TLS", c.tls_established ? (c.tls_version ?? "yes") : "none"], ["Server name (SNI)", c.sni], ["ALPN", c.alpn], ["Cipher", c.cipher], ["Id", c.id],
  ];
  return (
    <>
      <h3>{title} connection</h3>
      <Facts facts={facts} />
      {c.cert && <><h3>{title} certificate</h3><Cert cert={c.cert} /></>}
    </>
  );
}

function Facts({ facts }: { facts: readonly [string, string | null | undefined][] }) {
  return (
    <table class="facts-table data"><tbody>
      {facts.filter(([, value]) => value).map(([name, value]) => <tr><th scope="row">{name}</th><td>{visible(value ?? "")} <button type="button" class="text-button" aria-label={`Copy ${name}`} onClick={() => void copyText(value ?? "", name)}>copy</button></td></tr>)}
    </tbody></table>
  );
}

function Cert({ cert }: { cert: Certificate }) {
  const names = (pairs: readonly [string, string][]) => pairs.map(([key, value]) => `${key}=${value}`).join(", ");
  const now = Date.now() / 1000;
  const late = cert.notafter < now ? " (expired)" : cert.notbefore > now ? " (not yet valid)" : "";
  return <Facts facts={[["Subject", names(cert.subject)], ["Issuer", names(cert.issuer)], ["Names", cert.altnames.join(", ")], ["Valid", `${date(cert.notbefore)} to ${date(cert.notafter)}${late}`], ["Key", cert.keyinfo.join(" ")], ["Serial", cert.serial], ["SHA-256", cert.sha256]]} />;
}
