//! What is taken out of HTTPS records so that clients stay within reach (modes.md §8).

use bytes::Bytes;
use midwire_core::options::Options;
use midwire_flow::Dns;
use midwire_wire::dns::{HttpsRecord, types};

/// Removes keys for encrypted client hellos (`strip_ech`) and, without `http3`, offers of HTTP/3.
pub(super) fn strip(response: &mut Dns, options: &Options) {
    let records = response
        .answers
        .iter_mut()
        .chain(&mut response.additionals)
        .filter(|record| record.type_ == types::HTTPS);
    for record in records {
        let Ok(original) = HttpsRecord::unpack(&record.data) else {
            continue;
        };
        let mut https = original.clone();
        if options.strip_ech {
            let _ = https.set_ech(None);
        }
        if !options.http3
            && let Some(protocols) = https.alpn()
        {
            let kept: Vec<Bytes> = protocols
                .into_iter()
                .filter(|protocol| !protocol.starts_with(b"h3"))
                .collect();
            let _ = https.set_alpn(
                Some(&kept)
                    .filter(|kept| !kept.is_empty())
                    .map(Vec::as_slice),
            );
        }
        if https != original
            && let Ok(data) = https.pack()
        {
            record.data = data;
        }
    }
}
