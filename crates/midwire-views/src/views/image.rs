//! Facts about pictures.

mod exif;
mod jpeg;
mod other;
mod png;

use super::{FITS, NEVER};
use crate::yaml::{Dialect, Yaml, multi_map, write};
use crate::{ContentView, Metadata, Out, Syntax, ViewError};

/// Shows format, size and texts of a picture.
pub(crate) struct Image;

impl ContentView for Image {
    fn name(&self) -> &'static str {
        "Image"
    }

    fn syntax(&self) -> Syntax {
        Syntax::Yaml
    }

    fn render_priority(&self, _: &[u8], meta: &Metadata<'_>) -> f64 {
        let is_image = meta
            .media_type()
            .is_some_and(|media| media.starts_with("image/") && !media.ends_with("+xml"));
        if is_image { FITS } else { NEVER }
    }

    fn prettify(&self, data: &[u8], _: &Metadata<'_>) -> Result<String, ViewError> {
        let (kind, facts) = match kind(data) {
            Some(Kind::Png) => ("PNG", multi_map(png::facts(data)?)),
            Some(Kind::Gif) => ("GIF", multi_map(other::gif(data)?)),
            Some(Kind::Jpeg) => ("JPEG", multi_map(jpeg::facts(data)?)),
            Some(Kind::Ico) => ("ICO", other::ico(data)?),
            Some(Kind::Webp) => ("WEBP", multi_map(other::webp(data))),
            Some(Kind::Bmp) => ("BMP", multi_map(other::bmp(data))),
            Some(Kind::Tiff) => ("TIFF", multi_map(exif::facts(data))),
            Some(Kind::Avif) => ("AVIF", Yaml::Map(Vec::new())),
            None => ("Unknown", Yaml::Map(Vec::new())),
        };
        let mut out = Out::for_input(data.len());
        out.push(&format!("# {kind} Image\n"))?;
        if !matches!(&facts, Yaml::Map(entries) if entries.is_empty()) {
            write(&facts, Dialect::Form, &mut out)?;
        }
        Ok(out.finish())
    }
}

/// Facts in their order.
type Facts = Vec<(String, String)>;

fn fact(name: &str, value: impl std::fmt::Display) -> (String, String) {
    (name.to_owned(), format!("{value}"))
}

fn size(width: impl std::fmt::Display, height: impl std::fmt::Display) -> (String, String) {
    fact("Size", format!("{width} x {height} px"))
}

/// Most characters of a text inside a picture that are shown.
const TEXT_CHARS: usize = 4096;

/// Text of a picture, cut to a bearable length.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS) {
        None => text.to_owned(),
        Some((at, _)) => format!("{} (cut)", text.get(..at).unwrap_or("")),
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Png,
    Gif,
    Jpeg,
    Ico,
    Webp,
    Bmp,
    Tiff,
    Avif,
}

/// The format that the first bytes tell, whatever the content-type says.
fn kind(data: &[u8]) -> Option<Kind> {
    Some(match data {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Kind::Png,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Kind::Gif,
        [0xff, 0xd8, 0xff, ..] => Kind::Jpeg,
        [0, 0, 1, 0, ..] => Kind::Ico,
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Kind::Webp,
        [b'B', b'M', ..] => Kind::Bmp,
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Kind::Tiff,
        [
            _,
            _,
            _,
            _,
            b'f',
            b't',
            b'y',
            b'p',
            b'a',
            b'v',
            b'i',
            b'f' | b's',
            ..,
        ] => Kind::Avif,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
