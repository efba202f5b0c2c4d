use std::io::Write as _;

use super::*;

fn check(data: &[u8], expected: &str) {
    assert_eq!(
        Image.prettify(data, &Metadata::default()).unwrap(),
        expected,
        "{data:?}"
    );
}

fn chunk(kind: &[u8], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], kind, body, b"crc."].concat()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", b"\0\0\0\x03\0\0\0\x02\x08\x02\0\0\0"),
        chunks.concat(),
    ]
    .concat()
}

const PNG: &str = "# PNG Image\nFormat: Portable network graphics\nSize: 3 x 2 px\n";

#[test]
fn png_has_texts() {
    check(&png(&[]), PNG);
    let chunks = [
        chunk(b"gAMA", &45455_u32.to_be_bytes()),
        chunk(b"pHYs", b"\0\0\0\x0a\0\0\0\x14\x01"),
        chunk(b"tEXt", b"Title\0hello \xe9"),
        chunk(b"zTXt", &[b"Comment\0\0".to_vec(), zlib(b"hi")].concat()),
        chunk(b"iTXt", "K\0\0\0en\0tr\0text é".as_bytes()),
        chunk(
            b"iTXt",
            &[b"K\0\x01\0en\0tr\0".to_vec(), zlib(b"zz")].concat(),
        ),
        chunk(b"IEND", b""),
        chunk(b"tEXt", b"after\0end"),
    ];
    check(
        &png(&chunks),
        &format!(
            "{PNG}gamma: '0.45455'\naspect: 10 x 20\nTitle: hello é\nComment: hi\nK:\n- text é\n- zz\n"
        ),
    );
    let bomb = chunk(
        b"zTXt",
        &[b"B\0\0".to_vec(), zlib(&vec![b'x'; 1 << 20])].concat(),
    );
    assert!(
        Image
            .prettify(&png(&[bomb]), &Metadata::default())
            .unwrap()
            .len()
            < 5000
    );
}

const GIF: &[u8] = b"GIF89a\x05\0\x06\0\x80\x03\0\0\0\0\xff\xff\xff";

#[test]
fn gif_has_comments() {
    let facts =
        "# GIF Image\nFormat: Compuserve GIF\nVersion: GIF89a\nSize: 5 x 6 px\nbackground: '3'\n";
    check(GIF, facts);
    let blocks = b"\x21\xfe\x05hello\x03abc\0\x21\xf9\x04\0\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0\x21\xfe\x01x\0;";
    check(
        &[GIF, blocks].concat(),
        &format!("{facts}comment:\n- helloabc\n- x\n"),
    );
}

#[test]
fn jpeg_has_resolution_exif_and_size() {
    let jfif = b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\x01\0\x48\0\x48\0\0";
    let exif = b"\xff\xe1\x00\x48Exif\0\0II*\0\x08\0\0\0\x03\0\x0f\x01\x02\0\x06\0\0\0\x32\0\0\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\
                 \x1a\x01\x05\0\x01\0\0\0\x38\0\0\0\0\0\0\0Canon\0\x48\0\0\0\x01\0\0\0";
    let end = b"\xff\xfe\x00\x04hi\xff\xc2\x00\x0b\x08\0\x07\0\x09\x01\x01\x11\0\xff\xda";
    check(
        &[&jfif[..], exif, end].concat(),
        "# JPEG Image\nFormat: JPEG (ISO 10918)\njfif_version: (1, 1)\njfif_density: (72, 72)\njfif_unit: '1'\nmake: Canon\n\
         orientation: '6'\nx_resolution: '72'\ncomment: hi\nSize: 9 x 7 px\n",
    );
}

#[test]
fn other_formats() {
    check(b"x", "# Unknown Image\n");
    check(b"", "# Unknown Image\n");
    check(
        b"\0\0\x01\0\x01\0\0\x10\x02\0\x01\0\x08\0\x14\0\0\0\x16\0\0\0\x89PNG",
        "# ICO Image\nFormat: ICO\nNumber of images: '1'\nImage 1:\n  Size: 256 x 16\n  Bits per pixel: 8\n  PNG: true\n",
    );
    check(
        b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\x02\x40\0\0\x07\x10\x11\x11\x88\x88\xfe\x07\0",
        "# WEBP Image\nSize: 3 x 2 px\n",
    );
    check(b"RIFF\x1a\0\0\0WEBP", "# WEBP Image\n");
    check(
        b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0\x04\0\0\0\xfb\xff\xff\xff",
        "# BMP Image\nSize: 4 x 5 px\n",
    );
    check(
        b"II*\0\x08\0\0\0\x01\0\x00\x01\x03\0\x01\0\0\0\x09\0\0\0",
        "# TIFF Image\nimage_width: '9'\n",
    );
}

#[test]
fn svg_is_no_image() {
    let priority = |content_type| {
        Image.render_priority(
            b"x",
            &Metadata {
                content_type: Some(content_type),
                ..Metadata::default()
            },
        )
    };
    assert_eq!(priority("image/svg+xml"), 0.0);
    assert_eq!(priority("image/PNG; x"), 1.0);
    assert_eq!(priority("text/plain"), 0.0);
}
