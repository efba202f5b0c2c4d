//! The built-in views, one module each.

mod css;
mod dns;
mod edit;
mod form;
mod graphql;
mod hex;
mod http3;
mod image;
mod javascript;
mod json;
mod mqtt;
mod msgpack;
mod multipart;
mod protobuf;
mod raw;
mod reader;
mod socket_io;
mod wbxml;
mod xml;
mod zip;

use std::sync::Arc;

use crate::{ContentView, Metadata};

/// All built-in views in order of registration, which decides among equal priorities.
pub(crate) fn built_in() -> Vec<Arc<dyn ContentView>> {
    vec![
        Arc::new(css::Css),
        Arc::new(dns::Dns),
        Arc::new(graphql::GraphQl),
        Arc::new(http3::Http3),
        Arc::new(image::Image),
        Arc::new(javascript::JavaScript),
        Arc::new(json::Json),
        Arc::new(mqtt::Mqtt),
        Arc::new(multipart::MultipartForm),
        Arc::new(form::Query),
        Arc::new(raw::Raw),
        Arc::new(socket_io::SocketIo),
        Arc::new(form::UrlEncoded),
        Arc::new(wbxml::Wbxml),
        Arc::new(xml::XmlHtml),
        Arc::new(zip::ZipArchive),
        Arc::new(hex::HexDump),
        Arc::new(hex::HexStream),
        Arc::new(msgpack::MsgPack),
        Arc::new(protobuf::Protobuf),
        Arc::new(protobuf::Grpc),
    ]
}

/// Priority of a view that is made for the content.
const FITS: f64 = 1.0;
/// Priority of a view that does not apply.
const NEVER: f64 = 0.0;

/// [`FITS`] for content of one of the media types, [`NEVER`] otherwise or without content.
fn fits_media(data: &[u8], meta: &Metadata<'_>, types: &[&str]) -> f64 {
    if !data.is_empty() && meta.is_media_type(types) {
        FITS
    } else {
        NEVER
    }
}

/// A floating-point number in YAML.
fn float(value: f64) -> String {
    special(value).unwrap_or_else(|| format!("{value:?}"))
}

/// A floating-point number of single precision in YAML, with no more digits than it has.
fn float32(value: f32) -> String {
    special(f64::from(value)).unwrap_or_else(|| format!("{value:?}"))
}

fn special(value: f64) -> Option<String> {
    let text = if value.is_nan() {
        ".nan"
    } else if value == f64::INFINITY {
        ".inf"
    } else if value == f64::NEG_INFINITY {
        "-.inf"
    } else {
        return None;
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests;
