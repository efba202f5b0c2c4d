//! Flows as version 21 states. Keys are put in the order of the tables in flowfile.md §2 to §4.

use std::io::{self, Write};

use midwire_wire::Fields;
use midwire_wire::dns::Record;

use super::FORMAT_VERSION;
use crate::value::{BackWriter, MAX_DEPTH};
use crate::{
    Address, Certificate, ClientConn, Connection, Content, Dns, Flow, FlowInfo, Number, Request,
    Response, ServerConn, WebSocketData,
};

/// The record of a flow in memory, spilled content included.
///
/// # Errors
/// Those of reading spilled content.
pub fn encode(flow: &Flow) -> io::Result<Vec<u8>> {
    let writer = record(flow);
    if let Some(bytes) = writer.contiguous() {
        return Ok(bytes.to_vec());
    }
    let mut out = Vec::new();
    writer.write_to(&mut out)?;
    Ok(out)
}

/// Writes the record of a flow: with one call unless content stays in a file. Gives its length.
pub(super) fn write_record(flow: &Flow, out: &mut dyn Write) -> io::Result<u64> {
    let writer = record(flow);
    writer.write_to(out)?;
    Ok(writer.size())
}

fn record(flow: &Flow) -> BackWriter {
    let mut writer = BackWriter::with_capacity(size_hint(flow));
    put_flow(&mut writer, flow);
    writer
}

/// A little more than the record takes in memory, so that the buffer does not have to grow.
fn size_hint(flow: &Flow) -> usize {
    let content = |content: &Content| match content {
        Content::Memory(bytes) => bytes.len(),
        _ => 0,
    };
    let info = flow.info();
    let certificates: usize = info
        .client_conn
        .certificate_list
        .iter()
        .chain(&info.server_conn.certificate_list)
        .chain(&info.client_conn.mitmcert)
        .map(Certificate::size_hint)
        .sum();
    let kind = match flow {
        Flow::Http(http) => {
            let response = http.response.as_ref();
            let fields =
                http.request.fields.encoded_len() + response.map_or(0, |r| r.fields.encoded_len());
            content(&http.request.content)
                + response.map_or(0, |r| content(&r.content))
                + fields * 2
                + http
                    .websocket
                    .iter()
                    .flat_map(|w| &w.messages)
                    .map(|m| m.content.len() + 80)
                    .sum::<usize>()
        }
        Flow::Tcp(flow) | Flow::Udp(flow) => {
            flow.messages.iter().map(|m| m.content.len() + 60).sum()
        }
        Flow::Dns(_) => 1024,
    };
    let backup = info.backup.as_deref().map_or(0, size_hint);
    2048 + certificates + kind + backup
}

fn put_flow(w: &mut BackWriter, flow: &Flow) {
    w.dict(|w| {
        put_info(w, flow);
        match flow {
            Flow::Http(http) => {
                w.pair("request", |w| put_request(w, &http.request));
                w.pair("response", |w| w.opt(http.response.as_ref(), put_response));
                w.pair("websocket", |w| {
                    w.opt(http.websocket.as_ref(), put_websocket);
                });
            }
            Flow::Tcp(flow) | Flow::Udp(flow) => w.pair("messages", |w| {
                w.list(|w| {
                    for message in flow.messages.iter().rev() {
                        w.list(|w| {
                            put_number(w, message.timestamp);
                            w.bytes(&message.content);
                            w.bool(message.from_client);
                        });
                    }
                });
            }),
            Flow::Dns(dns) => {
                w.pair("request", |w| {
                    put_dns(w, &dns.request, dns.request_timestamp);
                });
                let timestamp = dns.response_timestamp.unwrap_or(dns.request_timestamp);
                w.pair("response", |w| {
                    w.opt(dns.response.as_ref(), |w, dns| put_dns(w, dns, timestamp));
                });
            }
        }
    });
}

fn put_info(w: &mut BackWriter, flow: &Flow) {
    let info: &FlowInfo = flow.info();
    w.pair("version", |w| w.int(FORMAT_VERSION));
    w.pair("type", |w| w.text(flow.kind()));
    w.pair("id", |w| w.text(&info.id.to_string()));
    w.pair("error", |w| {
        w.opt(info.error.as_ref(), |w, error| {
            w.dict(|w| {
                w.pair("msg", |w| w.text(&error.msg));
                w.pair("timestamp", |w| w.float(error.timestamp));
            });
        });
    });
    w.pair("client_conn", |w| put_client(w, &info.client_conn));
    w.pair("server_conn", |w| put_server(w, &info.server_conn));
    w.pair("intercepted", |w| w.bool(info.intercepted));
    w.pair("is_replay", |w| {
        w.opt(info.is_replay, |w, replay| w.text(replay.as_str()));
    });
    w.pair("marked", |w| w.text(&info.marked));
    w.pair("metadata", |w| {
        w.dict(|w| {
            for (key, value) in &info.metadata {
                // Two levels are around it: the flow and the metadata.
                w.pair(key, |w| w.value(value, MAX_DEPTH - 2));
            }
        });
    });
    w.pair("comment", |w| w.text(&info.comment));
    w.pair("timestamp_created", |w| {
        put_number(w, info.timestamp_created);
    });
    w.pair("backup", |w| w.opt(info.backup.as_deref(), put_backup));
}

/// A backup of a backup is of no use, and would let records nest without end.
fn put_backup(w: &mut BackWriter, backup: &Flow) {
    if backup.info().backup.is_none() {
        return put_flow(w, backup);
    }
    let mut backup = backup.clone();
    backup.info_mut().backup = None;
    put_flow(w, &backup);
}

/// Whose connection a state is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

fn put_connection(w: &mut BackWriter, conn: &Connection, side: Side) {
    w.pair("peername", |w| {
        put_own_address(w, conn.peername.as_ref(), side);
    });
    w.pair("sockname", |w| {
        put_own_address(w, conn.sockname.as_ref(), side);
    });
    w.pair("id", |w| w.text(&conn.id.to_string()));
    w.pair("transport_protocol", |w| {
        w.text(conn.transport_protocol.as_str());
    });
    w.pair("error", |w| w.opt(conn.error.as_deref(), BackWriter::text));
    w.pair("tls", |w| w.bool(conn.tls));
    w.pair("certificate_list", |w| {
        w.list(|w| {
            for certificate in conn.certificate_list.iter().rev() {
                w.bytes(&certificate.to_pem());
            }
        });
    });
    w.pair("alpn", |w| w.opt(conn.alpn.as_deref(), BackWriter::bytes));
    w.pair("alpn_offers", |w| {
        w.list(|w| {
            conn.alpn_offers
                .iter()
                .rev()
                .for_each(|offer| w.bytes(offer));
        });
    });
    w.pair("cipher", |w| {
        w.opt(conn.cipher.as_deref(), BackWriter::text);
    });
    w.pair("cipher_list", |w| {
        w.list(|w| {
            conn.cipher_list
                .iter()
                .rev()
                .for_each(|cipher| w.text(cipher));
        });
    });
    w.pair("tls_version", |w| {
        w.opt(conn.tls_version.as_deref(), BackWriter::text);
    });
    w.pair("sni", |w| w.opt(conn.sni.as_deref(), BackWriter::text));
    let start = conn
        .timestamp_start
        .or((side == Side::Client).then_some(0.0));
    w.pair("timestamp_start", |w| w.opt(start, BackWriter::float));
    w.pair("timestamp_end", |w| {
        w.opt(conn.timestamp_end, BackWriter::float);
    });
    w.pair("timestamp_tls_setup", |w| {
        w.opt(conn.timestamp_tls_setup, BackWriter::float);
    });
}

fn put_client(w: &mut BackWriter, conn: &ClientConn) {
    w.dict(|w| {
        put_connection(w, conn, Side::Client);
        w.pair("mitmcert", |w| {
            w.opt(conn.mitmcert.as_ref(), |w, cert| w.bytes(&cert.to_pem()));
        });
        let mode = if conn.proxy_mode.is_empty() {
            "regular"
        } else {
            &conn.proxy_mode
        };
        w.pair("proxy_mode", |w| w.text(mode));
    });
}

fn put_server(w: &mut BackWriter, conn: &ServerConn) {
    w.dict(|w| {
        put_connection(w, conn, Side::Server);
        w.pair("address", |w| w.opt(conn.address.as_ref(), put_address));
        w.pair("timestamp_tcp_setup", |w| {
            w.opt(conn.timestamp_tcp_setup, BackWriter::float);
        });
        w.pair("via", |w| {
            w.opt(conn.via.as_ref(), |w, via| {
                w.list(|w| {
                    put_address(w, &via.address);
                    w.text(&via.scheme);
                });
            });
        });
    });
}

/// Addresses of a client connection are never null: the original refuses such files.
fn put_own_address(w: &mut BackWriter, address: Option<&Address>, side: Side) {
    match address {
        Some(Address {
            host,
            port,
            v6: Some((flow, scope)),
        }) => w.list(|w| {
            w.int(i64::from(*scope));
            w.int(i64::from(*flow));
            w.int(i64::from(*port));
            w.text(host);
        }),
        Some(address) => put_address(w, address),
        None if side == Side::Client => put_address(w, &Address::new("", 0)),
        None => w.null(),
    }
}

/// Host and port, the only form that the original reads here.
fn put_address(w: &mut BackWriter, address: &Address) {
    w.list(|w| {
        w.int(i64::from(address.port));
        w.text(&address.host);
    });
}

fn put_number(w: &mut BackWriter, number: Number) {
    match number {
        Number::Int(n) => w.int(n),
        Number::Float(f) => w.float(f),
    }
}

fn put_fields(w: &mut BackWriter, fields: &Fields) {
    w.list(|w| {
        for (name, value) in fields.iter().rev() {
            w.list(|w| {
                w.bytes(value);
                w.bytes(name);
            });
        }
    });
}

fn put_content(w: &mut BackWriter, content: &Content) {
    match content {
        Content::Missing | Content::Passed { .. } => w.null(),
        Content::Memory(bytes) => w.bytes(bytes),
        Content::Spilled(spill) => w.spill(spill),
    }
}

fn put_request(w: &mut BackWriter, request: &Request) {
    w.dict(|w| {
        w.pair("http_version", |w| w.bytes(&request.version));
        w.pair("headers", |w| put_fields(w, &request.fields));
        w.pair("content", |w| put_content(w, &request.content));
        w.pair("trailers", |w| w.opt(request.trailers.as_ref(), put_fields));
        w.pair("timestamp_start", |w| {
            put_number(w, request.timestamp_start);
        });
        w.pair("timestamp_end", |w| {
            w.opt(request.timestamp_end, put_number);
        });
        w.pair("host", |w| w.text(&request.host));
        w.pair("port", |w| w.int(i64::from(request.port)));
        w.pair("method", |w| w.bytes(&request.method));
        w.pair("scheme", |w| w.bytes(&request.scheme));
        w.pair("authority", |w| w.bytes(&request.authority));
        w.pair("path", |w| w.bytes(&request.path));
    });
}

fn put_response(w: &mut BackWriter, response: &Response) {
    w.dict(|w| {
        w.pair("http_version", |w| w.bytes(&response.version));
        w.pair("headers", |w| put_fields(w, &response.fields));
        w.pair("content", |w| put_content(w, &response.content));
        w.pair("trailers", |w| {
            w.opt(response.trailers.as_ref(), put_fields);
        });
        w.pair("timestamp_start", |w| {
            put_number(w, response.timestamp_start);
        });
        w.pair("timestamp_end", |w| {
            w.opt(response.timestamp_end, put_number);
        });
        w.pair("status_code", |w| w.int(i64::from(response.status)));
        w.pair("reason", |w| w.bytes(&response.reason));
    });
}

fn put_websocket(w: &mut BackWriter, websocket: &WebSocketData) {
    w.dict(|w| {
        w.pair("messages", |w| {
            w.list(|w| {
                for message in websocket.messages.iter().rev() {
                    w.list(|w| {
                        w.bool(message.injected);
                        w.bool(message.dropped);
                        put_number(w, message.timestamp);
                        w.bytes(&message.content);
                        w.bool(message.from_client);
                        w.int(i64::from(message.opcode));
                    });
                }
            });
        });
        w.pair("closed_by_client", |w| {
            w.opt(websocket.closed_by_client, BackWriter::bool);
        });
        w.pair("close_code", |w| {
            w.opt(websocket.close_code, BackWriter::int);
        });
        w.pair("close_reason", |w| {
            w.opt(websocket.close_reason.as_deref(), BackWriter::text);
        });
        w.pair("timestamp_end", |w| {
            w.opt(websocket.timestamp_end, BackWriter::float);
        });
    });
}

fn put_dns(w: &mut BackWriter, dns: &Dns, timestamp: Number) {
    w.dict(|w| {
        w.pair("timestamp", |w| w.float(timestamp.as_f64()));
        w.pair("id", |w| w.int(i64::from(dns.id)));
        w.pair("query", |w| w.bool(dns.query));
        w.pair("op_code", |w| w.int(i64::from(dns.op_code)));
        w.pair("authoritative_answer", |w| w.bool(dns.authoritative_answer));
        w.pair("truncation", |w| w.bool(dns.truncation));
        w.pair("recursion_desired", |w| w.bool(dns.recursion_desired));
        w.pair("recursion_available", |w| w.bool(dns.recursion_available));
        w.pair("reserved", |w| w.int(i64::from(dns.reserved)));
        w.pair("response_code", |w| w.int(i64::from(dns.response_code)));
        w.pair("questions", |w| {
            w.list(|w| {
                for question in dns.questions.iter().rev() {
                    w.dict(|w| {
                        w.pair("name", |w| w.text(&question.name));
                        w.pair("type", |w| w.int(i64::from(question.type_)));
                        w.pair("class_", |w| w.int(i64::from(question.class)));
                    });
                }
            });
        });
        w.pair("answers", |w| put_records(w, &dns.answers));
        w.pair("authorities", |w| put_records(w, &dns.authorities));
        w.pair("additionals", |w| put_records(w, &dns.additionals));
    });
}

fn put_records(w: &mut BackWriter, records: &[Record]) {
    w.list(|w| {
        for record in records.iter().rev() {
            w.dict(|w| {
                w.pair("name", |w| w.text(&record.name));
                w.pair("type", |w| w.int(i64::from(record.type_)));
                w.pair("class_", |w| w.int(i64::from(record.class)));
                w.pair("ttl", |w| w.int(i64::from(record.ttl)));
                w.pair("data", |w| w.bytes(&record.data));
            });
        }
    });
}
