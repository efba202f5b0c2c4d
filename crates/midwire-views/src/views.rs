//! The built-in views, one module each.

mod css;
mod form;
mod graphql;
mod hex;
mod javascript;
mod json;
mod multipart;
mod raw;
mod xml;

use std::sync::Arc;

use crate::ContentView;

/// All built-in views in order of registration, which decides among equal priorities.
pub(crate) fn built_in() -> Vec<Arc<dyn ContentView>> {
    vec![
        Arc::new(css::Css),
        Arc::new(graphql::GraphQl),
        Arc::new(javascript::JavaScript),
        Arc::new(json::Json),
        Arc::new(multipart::MultipartForm),
        Arc::new(form::Query),
        Arc::new(raw::Raw),
        Arc::new(form::UrlEncoded),
        Arc::new(xml::XmlHtml),
        Arc::new(hex::HexDump),
        Arc::new(hex::HexStream),
    ]
}

/// Priority of a view that is made for the content.
const FITS: f64 = 1.0;
/// Priority of a view that does not apply.
const NEVER: f64 = 0.0;

/// [`FITS`] for content of one of the media types, [`NEVER`] otherwise or without content.
fn fits_media(data: &[u8], meta: &crate::Metadata<'_>, types: &[&str]) -> f64 {
    if !data.is_empty() && meta.is_media_type(types) {
        FITS
    } else {
        NEVER
    }
}

#[cfg(test)]
mod tests;
