/** A DNS question or answer. */
import type { DnsMessage, DnsRecord } from "../../api/types";
import { bytes, visible } from "../../lib/format";
import { Empty } from "../../ui/controls";

export function DnsPart({ message, part }: { message: DnsMessage | null; part: string }) {
  if (!message) return <Empty title={part === "response" ? "No response yet" : "There is no request"} />;
  return (
    <div class="pad scroll">
      <p class="data">id {message.id} · {message.op_code} · {message.response_code} · {bytes(message.size)}</p>
      <Records title="Questions" records={message.questions} />
      <Records title="Answers" records={message.answers} />
      <Records title="Authorities" records={message.authorities} />
      <Records title="Additionals" records={message.additionals} />
    </div>
  );
}

function Records({ title, records }: { title: string; records: readonly DnsRecord[] | undefined }) {
  if (!records || records.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <table class="facts-table data"><tbody>{records.map((one) => <tr><th scope="row">{visible(one.name)}</th><td>{one.type}</td><td class="dim">{one.class}</td><td class="dim">{one.ttl === undefined ? "" : `${one.ttl} s`}</td><td>{visible(one.data ?? "")}</td></tr>)}</tbody></table>
    </>
  );
}
