//! A module for Magisk that puts our authority among those of the system of an Android device.
//!
//! Android looks authorities up by the old hash of OpenSSL over their subject: the first four bytes of its MD5 sum,
//! read as a little-endian number. Since Android 14 they are in a module of the system that updates itself, which hides the old
//! folder; the script mounts the folder over it.

use std::io::{self, Cursor, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const PROPERTIES: &str = "id=midwire-ca
name=midwire certificate authority
version=v1
versionCode=1
author=midwire
description=Makes this device trust the certificate authority of one midwire installation. Remove it when you are done.
";

/// What runs the installation: the function that Magisk has for it.
const INSTALLER: &str = r#"#!/sbin/sh
umask 022
OUTFD=$2
ZIPFILE=$3
functions=/data/adb/magisk/util_functions.sh
if [ ! -f "$functions" ]; then
  echo "This module needs Magisk 20.4 or later." >&2
  exit 1
fi
. "$functions"
if [ "${MAGISK_VER_CODE:-0}" -lt 20400 ]; then
  echo "This module needs Magisk 20.4 or later." >&2
  exit 1
fi
install_module
exit 0
"#;

/// Runs early at each start of the device.
const AT_START: &str = r#"#!/system/bin/sh
own=${0%/*}/system/etc/security/cacerts
new=/apex/com.android.conscrypt/cacerts
# Up to Android 13 the folder of the system is enough, and Magisk has put the file there.
[ -d "$new" ] || exit 0
all=/data/local/tmp/midwire-cacerts
rm -rf "$all"
mkdir -p -m 755 "$all"
mount -t tmpfs tmpfs "$all"
cp "$new"/* "$own"/* "$all"/
chown 0:0 "$all" "$all"/*
chmod 755 "$all"
chmod 644 "$all"/*
chcon u:object_r:system_security_cacerts_file:s0 "$all" "$all"/*
mount --bind "$all" "$new"
for pid in 1 $(pidof zygote zygote64); do
  nsenter --mount=/proc/"$pid"/ns/mnt -- mount --bind "$all" "$new"
done
"#;

/// The module as a ZIP archive, for a certificate in PEM form.
///
/// # Errors
/// The certificate is none.
pub(super) fn module(pem: &[u8]) -> io::Result<Vec<u8>> {
    let unreadable = || io::Error::new(io::ErrorKind::InvalidData, "not a certificate in PEM form");
    let der = decode(pem).ok_or_else(unreadable)?;
    let subject = subject(&der).ok_or_else(unreadable)?;
    let name = format!("system/etc/security/cacerts/{:08x}.0", hash(subject));
    let installer = "META-INF/com/google/android/";
    let files: [(&str, &[u8]); 5] = [
        (&format!("{installer}update-binary"), INSTALLER.as_bytes()),
        (&format!("{installer}updater-script"), b"#MAGISK\n"),
        ("module.prop", PROPERTIES.as_bytes()),
        ("post-fs-data.sh", AT_START.as_bytes()),
        (&name, pem),
    ];
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .unix_permissions(0o644);
    for (name, content) in files {
        archive.start_file(name, options)?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// What the first block of a PEM file holds.
fn decode(pem: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(pem).ok()?;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (base64, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let digits: String = base64.split_whitespace().collect();
    STANDARD.decode(digits).ok()
}

/// The subject of a certificate, with its tag and length (RFC 5280 §4.1).
fn subject(der: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let certificate = content_of(der, SEQUENCE)?;
    let mut rest = content_of(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = rest.get(element(rest)?.1..)?;
    }
    // Serial number, algorithm, issuer, validity.
    for _ in 0..4 {
        rest = rest.get(element(rest)?.1..)?;
    }
    rest.get(..element(rest)?.1)
}

/// The content of an element that begins with this tag.
fn content_of(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (start, end) = element(der)?;
    (der.first() == Some(&tag)).then(|| der.get(start..end))?
}

/// Where the content of the first element begins and ends (X.690 §8.1).
fn element(der: &[u8]) -> Option<(usize, usize)> {
    let first = *der.get(1)?;
    let (start, len) = match first {
        0..=0x7f => (2, usize::from(first)),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7f);
            let bytes = der.get(2..2 + count)?;
            let len = bytes
                .iter()
                .fold(0_usize, |len, byte| len << 8 | usize::from(*byte));
            (2 + count, len)
        }
        _ => return None,
    };
    let end = start.checked_add(len)?;
    (end <= der.len()).then_some((start, end))
}

fn hash(subject: &[u8]) -> u32 {
    let sum = Md5::digest(subject);
    sum.iter()
        .take(4)
        .rev()
        .fold(0, |hash, byte| hash << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// A self-signed certificate of EC P-256, made with OpenSSL for this test; `openssl x509 -subject_hash_old` says HASH.
    const PEM: &str = include_str!("testing.pem");
    const HASH: &str = "0990ea35";

    #[test]
    fn the_module_has_the_certificate_under_its_hash() {
        let archive = module(PEM.as_bytes()).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
        let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
        assert!(names.contains(&"module.prop".to_owned()), "{names:?}");
        let name = format!("system/etc/security/cacerts/{HASH}.0");
        let mut content = String::new();
        let mut file = archive.by_name(&name).unwrap();
        file.read_to_string(&mut content).unwrap();
        assert_eq!(content, PEM);
    }

    #[test]
    fn what_is_no_certificate_makes_no_module() {
        let check = |text: &str| assert!(module(text.as_bytes()).is_err(), "{text}");
        check("");
        check("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----");
        check("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----");
        check("-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----");
        // Lengths beyond the end, or of too many bytes.
        for der in [
            &b"\x30\x82\xff\xff"[..],
            b"\x30\x85\x01\x01\x01\x01\x01",
            b"\x30\x80",
            b"\x30",
        ] {
            assert_eq!(subject(der), None, "{der:?}");
        }
    }
}
