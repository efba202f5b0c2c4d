//! Connections (flowfile.md §4).

use bytes::Bytes;

use super::raw::{bad, collect, dict, float, int, items, need, opt, unexpected};
use super::{Kind, Source};
use crate::value::Raw;
use crate::{Address, Certificate, ClientConn, Connection, Id, ServerConn, Transport, Via};

impl<'a> Source<'a> {
    pub(super) fn client(&self, raw: Raw<'a>) -> Result<ClientConn, Kind> {
        let mut connection = Common::default();
        let mut mitmcert = None;
        let mut proxy_mode = None;
        for pair in dict(raw, "client_conn")? {
            let (key, value) = pair?;
            match key.data {
                b"mitmcert" => mitmcert = Some(opt(value, |v| self.certificate(v))?),
                b"proxy_mode" => proxy_mode = Some(self.text(value, "proxy_mode")?),
                _ => connection.read(self, key, value)?,
            }
        }
        Ok(ClientConn {
            connection: connection.finish()?,
            mitmcert: need(mitmcert, "mitmcert")?,
            proxy_mode: need(proxy_mode, "proxy_mode")?,
        })
    }

    pub(super) fn server(&self, raw: Raw<'a>) -> Result<ServerConn, Kind> {
        let mut connection = Common::default();
        let mut address_ = None;
        let mut timestamp_tcp_setup = None;
        let mut via = None;
        for pair in dict(raw, "server_conn")? {
            let (key, value) = pair?;
            match key.data {
                b"address" => address_ = Some(opt(value, |v| self.address(v))?),
                b"timestamp_tcp_setup" => {
                    timestamp_tcp_setup = Some(opt(value, |v| float(v, "timestamp_tcp_setup"))?);
                }
                b"via" => via = Some(opt(value, |v| self.via(v))?),
                _ => connection.read(self, key, value)?,
            }
        }
        Ok(ServerConn {
            connection: connection.finish()?,
            address: need(address_, "address")?,
            timestamp_tcp_setup: need(timestamp_tcp_setup, "timestamp_tcp_setup")?,
            via: need(via, "via")?,
        })
    }

    fn via(&self, raw: Raw<'a>) -> Result<Via, Kind> {
        let parts = items(raw, "via")?;
        let [scheme, address] = parts.as_slice() else {
            return Err(Kind::BadValue("via".into()));
        };
        Ok(Via {
            scheme: self.text(*scheme, "via")?,
            address: self.address(*address)?,
        })
    }

    fn address(&self, raw: Raw<'a>) -> Result<Address, Kind> {
        let parts = items(raw, "address")?;
        let [host, port, v6 @ ..] = parts.as_slice() else {
            return Err(Kind::BadValue("address".into()));
        };
        let v6 = match v6 {
            [] => None,
            [flow] => Some((int(*flow, "address")?, 0)),
            [flow, scope, ..] => Some((int(*flow, "address")?, int(*scope, "address")?)),
        };
        Ok(Address {
            host: self.text(*host, "address")?,
            port: int(*port, "address")?,
            v6,
        })
    }

    fn certificate(&self, raw: Raw<'a>) -> Result<Certificate, Kind> {
        Ok(Certificate::from_pem(self.bytes(raw, "certificate_list")?))
    }
}

/// What both kinds of connections have in common.
#[derive(Default)]
#[expect(clippy::option_option, reason = "a missing key is not null")]
struct Common {
    peername: Option<Option<Address>>,
    sockname: Option<Option<Address>>,
    id: Option<Id>,
    transport_protocol: Option<Transport>,
    error: Option<Option<String>>,
    tls: Option<bool>,
    certificate_list: Option<Vec<Certificate>>,
    alpn: Option<Option<Bytes>>,
    alpn_offers: Option<Vec<Bytes>>,
    cipher: Option<Option<String>>,
    cipher_list: Option<Vec<String>>,
    tls_version: Option<Option<String>>,
    sni: Option<Option<String>>,
    timestamp_start: Option<Option<f64>>,
    timestamp_end: Option<Option<f64>>,
    timestamp_tls_setup: Option<Option<f64>>,
}

impl Common {
    fn read<'a>(&mut self, source: &Source<'a>, key: Raw<'a>, value: Raw<'a>) -> Result<(), Kind> {
        match key.data {
            b"peername" => self.peername = Some(opt(value, |v| source.address(v))?),
            b"sockname" => self.sockname = Some(opt(value, |v| source.address(v))?),
            b"id" => self.id = Some(Id::parse(value.text().map_err(bad("id"))?)),
            b"transport_protocol" => {
                self.transport_protocol = Some(match value.data {
                    b"tcp" => Transport::Tcp,
                    b"udp" => Transport::Udp,
                    _ => return Err(Kind::BadValue("transport_protocol".into())),
                });
            }
            b"error" => self.error = Some(opt(value, |v| source.text(v, "error"))?),
            b"tls" => self.tls = Some(value.bool().map_err(bad("tls"))?),
            b"certificate_list" => {
                self.certificate_list = Some(collect(value, "certificate_list", |v| {
                    source.certificate(v)
                })?);
            }
            b"alpn" => self.alpn = Some(opt(value, |v| source.bytes(v, "alpn"))?),
            b"alpn_offers" => {
                self.alpn_offers = Some(collect(value, "alpn_offers", |v| {
                    source.bytes(v, "alpn_offers")
                })?);
            }
            b"cipher" => self.cipher = Some(opt(value, |v| source.text(v, "cipher"))?),
            b"cipher_list" => {
                self.cipher_list = Some(collect(value, "cipher_list", |v| {
                    source.text(v, "cipher_list")
                })?);
            }
            b"tls_version" => {
                self.tls_version = Some(opt(value, |v| source.text(v, "tls_version"))?);
            }
            b"sni" => self.sni = Some(opt(value, |v| source.text(v, "sni"))?),
            b"timestamp_start" => {
                self.timestamp_start = Some(opt(value, |v| float(v, "timestamp_start"))?);
            }
            b"timestamp_end" => {
                self.timestamp_end = Some(opt(value, |v| float(v, "timestamp_end"))?);
            }
            b"timestamp_tls_setup" => {
                self.timestamp_tls_setup = Some(opt(value, |v| float(v, "timestamp_tls_setup"))?);
            }
            _ => return Err(unexpected(key)),
        }
        Ok(())
    }

    fn finish(self) -> Result<Connection, Kind> {
        Ok(Connection {
            id: need(self.id, "id")?,
            peername: need(self.peername, "peername")?,
            sockname: need(self.sockname, "sockname")?,
            transport_protocol: need(self.transport_protocol, "transport_protocol")?,
            error: need(self.error, "error")?,
            tls: need(self.tls, "tls")?,
            certificate_list: need(self.certificate_list, "certificate_list")?,
            alpn: need(self.alpn, "alpn")?,
            alpn_offers: need(self.alpn_offers, "alpn_offers")?,
            cipher: need(self.cipher, "cipher")?,
            cipher_list: need(self.cipher_list, "cipher_list")?,
            tls_version: need(self.tls_version, "tls_version")?,
            sni: need(self.sni, "sni")?,
            timestamp_start: need(self.timestamp_start, "timestamp_start")?,
            timestamp_end: need(self.timestamp_end, "timestamp_end")?,
            timestamp_tls_setup: need(self.timestamp_tls_setup, "timestamp_tls_setup")?,
        })
    }
}
