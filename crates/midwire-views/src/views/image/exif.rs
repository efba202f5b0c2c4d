//! Tags of TIFF files and of the EXIF part of JPEG files (TIFF 6.0 §2, EXIF 2.32 §4.6).

use super::{Facts, TEXT_CHARS, fact, shorten};

/// Most entries of a directory that are looked at.
const MAX_ENTRIES: u16 = 256;
/// The tag that points to the EXIF directory.
const EXIF_DIRECTORY: u16 = 0x8769;

/// Names of the tags that are shown.
const NAMES: [(u16, &str); 29] = [
    (0x0100, "image_width"),
    (0x0101, "image_height"),
    (0x010e, "image_description"),
    (0x010f, "make"),
    (0x0110, "model"),
    (0x0112, "orientation"),
    (0x011a, "x_resolution"),
    (0x011b, "y_resolution"),
    (0x0128, "resolution_unit"),
    (0x0131, "software"),
    (0x0132, "modify_date"),
    (0x013b, "artist"),
    (0x013c, "host_computer"),
    (0x8298, "copyright"),
    (0x829a, "exposure_time"),
    (0x829d, "f_number"),
    (0x8827, "iso"),
    (0x9003, "date_time_original"),
    (0x9004, "create_date"),
    (0x9010, "offset_time"),
    (0x920a, "focal_length"),
    (0x9209, "flash"),
    (0xa002, "exif_image_width"),
    (0xa003, "exif_image_height"),
    (0xa430, "owner_name"),
    (0xa431, "serial_number"),
    (0xa432, "lens_info"),
    (0xa433, "lens_make"),
    (0xa434, "lens_model"),
];

/// Known tags of the first directory and of the EXIF directory; nothing if they cannot be read.
pub(super) fn facts(data: &[u8]) -> Facts {
    let order = match data.get(..2) {
        Some(b"II") => Order::Little,
        Some(b"MM") => Order::Big,
        _ => return Facts::new(),
    };
    let tiff = Tiff { data, order };
    let mut facts = Facts::new();
    let mut directory = tiff.u32(4);
    // The EXIF directory once; a file cannot send the reader in circles.
    for _ in 0..2 {
        let Some(start) = directory
            .take()
            .and_then(|start| usize::try_from(start).ok())
        else {
            break;
        };
        for n in 0..tiff.u16(start).unwrap_or(0).min(MAX_ENTRIES) {
            let at = start.saturating_add(2 + usize::from(n) * 12);
            let Some(tag) = tiff.u16(at) else { break };
            if tag == EXIF_DIRECTORY {
                directory = tiff.u32(at + 8);
            }
            if let Some((_, name)) = NAMES.iter().find(|(number, _)| *number == tag) {
                facts.extend(tiff.value(at).map(|value| fact(name, value)));
            }
        }
    }
    facts
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

struct Tiff<'a> {
    data: &'a [u8],
    order: Order,
}

impl Tiff<'_> {
    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = self.data.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(match self.order {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = self.data.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(match self.order {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        })
    }

    /// First value of the entry at `at`: text, a number or a fraction.
    fn value(&self, at: usize) -> Option<String> {
        let kind = self.u16(at + 2)?;
        let count = self.u32(at + 4)? as usize;
        let place = at + 8;
        let far = || self.u32(place).map(|offset| offset as usize);
        match kind {
            2 => {
                let start = if count <= 4 { place } else { far()? };
                let end = start
                    .checked_add(count)?
                    .min(start.saturating_add(TEXT_CHARS * 4));
                let text = crate::show_bytes(self.data.get(start..end)?);
                Some(shorten(text.trim_end_matches('\0')))
            }
            3 if count == 1 => self.u16(place).map(|n| n.to_string()),
            4 if count == 1 => self.u32(place).map(|n| n.to_string()),
            5 => {
                let start = far()?;
                let (above, below) = (self.u32(start)?, self.u32(start.checked_add(4)?)?);
                Some(if below == 1 {
                    above.to_string()
                } else {
                    format!("{above}/{below}")
                })
            }
            _ => None,
        }
    }
}
