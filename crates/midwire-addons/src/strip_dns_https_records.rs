//! Takes from DNS answers what would lead clients around us: encrypted client hello, and HTTP/3 if it is off.

use bytes::Bytes;
use midwire_core::Kernel;
use midwire_core::hooks::{Addon, Hook, HookSet};
use midwire_core::options::Options;
use midwire_flow::DnsFlow;
use midwire_wire::dns::{HttpsRecord, Record, types};

/// Keys of HTTPS records (RFC 9460 §14.3.2, RFC 9848 §3).
const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const ECH: u16 = 5;

/// Changes HTTPS records of answers (options `strip_ech` and `http3`).
pub struct StripDnsHttpsRecords;

impl Addon for StripDnsHttpsRecords {
    fn name(&self) -> &'static str {
        "stripdnshttpsrecords"
    }

    fn interest(&self, options: &Options) -> HookSet {
        if options.strip_ech || !options.http3 {
            HookSet::of(&[Hook::DnsResponse])
        } else {
            HookSet::EMPTY
        }
    }

    fn dns_response(&self, kernel: &Kernel, flow: &mut DnsFlow) {
        let Some(response) = &mut flow.response else {
            return;
        };
        let options = kernel.options().load();
        let https = response
            .answers
            .iter_mut()
            .filter(|record| record.type_ == types::HTTPS);
        for record in https {
            strip(record, &options);
        }
    }
}

/// Records that cannot be read are left to the client, which cannot read them either.
fn strip(record: &mut Record, options: &Options) {
    let Ok(mut https) = HttpsRecord::unpack(&record.data) else {
        return;
    };
    let before = https.clone();
    if options.strip_ech {
        remove(&mut https, ECH);
    }
    if !options.http3
        && let Some(protocols) = https.alpn()
    {
        let kept: Vec<Bytes> = protocols.into_iter().filter(|p| !is_http3(p)).collect();
        if kept.is_empty() {
            remove(&mut https, ALPN);
        } else {
            // What was a list of protocols before is one that fits.
            let _ = https.set_alpn(Some(&kept));
        }
    }
    // What needs no change keeps its very bytes.
    if https == before {
        return;
    }
    if let Ok(data) = https.pack() {
        record.data = data;
    }
}

/// Removes a key, also from the keys that a client must understand: a record that lacks one of those is refused by
/// clients (RFC 9460 §8).
fn remove(https: &mut HttpsRecord, key: u16) {
    https.remove(key);
    let Some(mandatory) = https.param(MANDATORY) else {
        return;
    };
    let kept: Vec<u8> = mandatory
        .chunks(2)
        .filter(|listed| **listed != key.to_be_bytes())
        .flatten()
        .copied()
        .collect();
    if kept.is_empty() {
        https.remove(MANDATORY);
    } else {
        https.set(MANDATORY, kept.into());
    }
}

/// HTTP/3 or one of its drafts.
fn is_http3(protocol: &[u8]) -> bool {
    protocol == b"h3" || protocol.starts_with(b"h3-")
}

#[cfg(test)]
mod tests {
    use midwire_core::options::Value;

    use super::*;
    use crate::testing::kernel;

    #[test]
    fn records_lose_what_options_say() {
        let record = |alpn: &[&'static [u8]], ech: Option<&str>| {
            let mut https = HttpsRecord {
                priority: 1,
                target_name: String::new(),
                params: Vec::new(),
            };
            let alpn: Vec<Bytes> = alpn.iter().map(|p| Bytes::from_static(p)).collect();
            if !alpn.is_empty() {
                https.set_alpn(Some(&alpn)).unwrap();
            }
            https.set_ech(ech).unwrap();
            Record {
                name: "a.test".to_owned(),
                type_: types::HTTPS,
                class: 1,
                ttl: 60,
                data: https.pack().unwrap(),
            }
        };
        let check = |strip_ech: bool, http3: bool, expected: Record| {
            let kernel = kernel(&[
                ("strip_ech", Value::Bool(strip_ech)),
                ("http3", Value::Bool(http3)),
            ]);
            let mut found = record(&[b"h3", b"h2", b"h3-29"], Some("AAEC"));
            strip(&mut found, &kernel.options().load());
            assert_eq!(found, expected, "strip_ech={strip_ech} http3={http3}");
        };
        check(true, true, record(&[b"h3", b"h2", b"h3-29"], None));
        check(false, false, record(&[b"h2"], Some("AAEC")));
        check(true, false, record(&[b"h2"], None));
        check(false, true, record(&[b"h3", b"h2", b"h3-29"], Some("AAEC")));

        let off = kernel(&[("http3", Value::Bool(false))]);
        let mut only = record(&[b"h3"], None);
        strip(&mut only, &off.options().load());
        assert_eq!(only, record(&[], None));
        let mut bound = HttpsRecord::unpack(&record(&[b"h2"], Some("AAEC")).data).unwrap();
        bound.set(MANDATORY, Bytes::from_static(&[0, 1, 0, 5]));
        remove(&mut bound, ECH);
        assert_eq!(bound.param(MANDATORY).unwrap(), &[0, 1][..]);
        remove(&mut bound, ALPN);
        assert_eq!(bound.params, []);

        let mut broken = Record {
            data: Bytes::from_static(&[0]),
            ..only.clone()
        };
        let before = broken.clone();
        strip(&mut broken, &off.options().load());
        assert_eq!(broken, before);
    }
}
