use proptest::prelude::*;

use super::*;

const NAMES: [&str; 7] = [
    "identity",
    "none",
    "gzip",
    "deflate",
    "deflateraw",
    "br",
    "zstd",
];
const MANY: usize = 1 << 20;
const TEXT: &[u8] = b"hello world hello world hello world hello world";

fn gzip(data: &[u8]) -> Vec<u8> {
    encode(data, "gzip").unwrap()
}

fn check(data: &[u8], coding: &str, expected: Result<&[u8], CodecError>) {
    assert_eq!(
        decode(data, coding, MANY),
        expected.map(<[u8]>::to_vec),
        "{coding} {data:?}"
    );
}

#[test]
fn gzip_is_read_leniently() {
    let packed = gzip(TEXT);
    let zlib = encode(TEXT, "deflate").unwrap();
    let twice = [packed.clone(), packed.clone()].concat();
    let corrupt = || Err(CodecError::Corrupt("gzip"));
    check(&packed, "GZip", Ok(TEXT));
    check(&zlib, "gzip", Ok(TEXT));
    check(&twice, "gzip", Ok(&[TEXT, TEXT].concat()));
    check(&packed[..packed.len() - 5], "gzip", Ok(TEXT));
    check(&packed[..5], "gzip", Ok(b""));
    check(&[&packed[..], b"junk"].concat(), "gzip", Ok(TEXT));
    check(&[&packed[..], &[0; 9]].concat(), "gzip", Ok(TEXT));
    check(b"", "gzip", Ok(b""));
    check(b"abc", "gzip", corrupt());
    let mut wrong_crc = packed.clone();
    let at = packed.len() - 8;
    wrong_crc[at] ^= 1;
    check(&wrong_crc, "gzip", corrupt());
    assert_eq!(packed[..10], *b"\x1f\x8b\x08\0\0\0\0\0\x04\xff");
}

#[test]
fn gzip_heads_may_have_every_part() {
    let packed = gzip(TEXT);
    let mut full = b"\x1f\x8b\x08\x1e\0\0\0\0\0\x03\x03\0abcname\0comment\0cc".to_vec();
    full.extend_from_slice(&packed[10..]);
    check(&full, "gzip", Ok(TEXT));
    let mut empty_extra = b"\x1f\x8b\x08\x04\0\0\0\0\0\x03\0\0".to_vec();
    empty_extra.extend_from_slice(&packed[10..]);
    check(&empty_extra, "gzip", Ok(TEXT));
}

#[test]
fn deflate_is_zlib_or_bare() {
    let zlib = encode(TEXT, "deflate").unwrap();
    let bare = &zlib[2..zlib.len() - 4];
    for coding in ["deflate", "deflateraw"] {
        check(&zlib, coding, Ok(TEXT));
        check(bare, coding, Ok(TEXT));
        check(&[&zlib[..], b"junk"].concat(), coding, Ok(TEXT));
        check(&[bare, b"xx"].concat(), coding, Ok(TEXT));
        check(b"", coding, Ok(b""));
        check(
            &zlib[..zlib.len() - 6],
            coding,
            Err(CodecError::Truncated("deflate")),
        );
        check(&zlib[..1], coding, Err(CodecError::Truncated("deflate")));
        check(b"\xff\xff\xff", coding, Err(CodecError::Corrupt("deflate")));
        let mut wrong_sum = zlib.clone();
        *wrong_sum.last_mut().unwrap() ^= 1;
        check(&wrong_sum, coding, Err(CodecError::Corrupt("deflate")));
    }
}

#[test]
fn brotli_must_be_whole() {
    let packed = encode(TEXT, "br").unwrap();
    check(&packed, "br", Ok(TEXT));
    check(b"", "br", Ok(b""));
    check(
        &packed[..packed.len() - 3],
        "br",
        Err(CodecError::Truncated("br")),
    );
    check(
        &[&packed[..], b"x"].concat(),
        "br",
        Err(CodecError::Corrupt("br")),
    );
    check(b"\xff\xff", "br", Err(CodecError::Corrupt("br")));
}

#[test]
fn zstd_reads_all_frames() {
    let packed = encode(TEXT, "zstd").unwrap();
    let twice = [packed.clone(), packed.clone()].concat();
    check(&twice, "zstd", Ok(&[TEXT, TEXT].concat()));
    let skipped = [b"\x50\x2a\x4d\x18\x04\0\0\0abcd", &packed[..]].concat();
    check(&skipped, "zstd", Ok(TEXT));
    check(&packed[..packed.len() - 3], "zstd", Ok(b""));
    check(b"", "zstd", Ok(b""));
    check(b"abcdef", "zstd", Err(CodecError::Corrupt("zstd")));
}

#[test]
fn a_zstd_window_above_the_limit_is_refused() {
    // Window descriptor 0x88: exponent 17, a window of 128 MiB.
    let frame = b"\x28\xb5\x2f\xfd\x00\x88\x19\x00\x00abc";
    check(frame, "zstd", Err(CodecError::Corrupt("zstd")));
}

#[test]
fn lists_are_decoded_from_the_end() {
    let inner = gzip(TEXT);
    let outer = encode(&inner, "br").unwrap();
    assert_eq!(
        decode_all(&outer, b"gzip, identity ,,BR", MANY).unwrap(),
        TEXT
    );
    assert_eq!(decode_all(TEXT, b"", MANY).unwrap(), TEXT);
    assert_eq!(
        decode_all(TEXT, b"gzip, bogus", MANY),
        Err(CodecError::Unknown("bogus".into()))
    );
    let mut four = TEXT.to_vec();
    for _ in 0..4 {
        four = gzip(&four);
    }
    assert_eq!(
        decode_all(&four, b"gzip,gzip,gzip,gzip", MANY).unwrap(),
        TEXT
    );
    assert_eq!(
        decode_all(&four, b"gzip,gzip,gzip,gzip,gzip", MANY),
        Err(CodecError::Nested)
    );
}

#[test]
fn bombs_stop_at_the_limit() {
    let zeros = vec![0_u8; 4 << 20];
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let bomb = encode(&zeros, coding).unwrap();
        let limit = 100_000;
        assert_eq!(
            decode(&bomb, coding, limit),
            Err(CodecError::TooLarge { limit }),
            "{coding}"
        );
        let prefix = decode_prefix(&bomb, coding.as_bytes(), 10);
        assert_eq!((prefix.bytes.len(), prefix.more), (10, true), "{coding}");
    }
}

#[test]
fn a_kibibyte_that_stands_for_a_gibibyte_stops_at_the_limit() {
    // 8192 blocks of 128 KiB, each one repeated byte (RFC 8878 §3.1.1.2).
    let mut frame = b"\x28\xb5\x2f\xfd\x00\x38".to_vec();
    for i in 0..8192_u32 {
        let header = u32::from(i == 8191) | 1 << 1 | (128 << 10) << 3;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    let bomb = encode(&frame, "zstd").unwrap();
    assert!(bomb.len() < 1024);
    assert_eq!(
        decode_all(&bomb, b"zstd, zstd", MANY),
        Err(CodecError::TooLarge { limit: MANY })
    );
}

#[test]
fn a_limit_that_is_just_enough_is_enough() {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let packed = encode(TEXT, coding).unwrap();
        assert_eq!(decode(&packed, coding, TEXT.len()).unwrap(), TEXT);
        let limit = TEXT.len() - 1;
        assert_eq!(
            decode(&packed, coding, limit),
            Err(CodecError::TooLarge { limit })
        );
    }
}

#[test]
fn a_prefix_says_what_is_left() {
    let packed = gzip(TEXT);
    let prefix = decode_prefix(&packed, b"gzip", 5);
    assert_eq!((&prefix.bytes[..], prefix.more), (&b"hello"[..], true));
    let whole = decode_prefix(&packed, b"gzip", TEXT.len());
    assert_eq!((&whole.bytes[..], whole.more), (TEXT, false));
    let broken = decode_prefix(b"abc", b"gzip", 5);
    assert_eq!(broken.error, Some(CodecError::Corrupt("gzip")));
    let plain = decode_prefix(b"abc", b"", 2);
    assert_eq!((&plain.bytes[..], plain.more), (&b"ab"[..], true));
}

#[test]
fn what_was_flushed_can_be_decoded_at_once() {
    for coding in [
        Coding::Identity,
        Coding::Gzip,
        Coding::Deflate,
        Coding::Brotli,
        Coding::Zstd,
    ] {
        let mut encoder = Encoder::new(coding).unwrap();
        let mut decoder = Decoder::new(&[coding]);
        for piece in [&b"first"[..], b"second"] {
            let mut out = Vec::new();
            encoder.push(piece, &mut out).unwrap();
            encoder.flush(&mut out).unwrap();
            assert_eq!(decoder.push(&out, MANY).unwrap(), piece, "{coding:?}");
        }
        let mut out = Vec::new();
        encoder.finish(&mut out).unwrap();
        assert_eq!(decoder.push(&out, MANY).unwrap(), b"");
        decoder.finish().unwrap();
    }
}

/// Decodes in pieces of these sizes, with this much room at a time.
fn decode_split(
    data: &[u8],
    list: &[u8],
    sizes: &[usize],
    room: usize,
) -> Result<Vec<u8>, CodecError> {
    let mut decoder = Decoder::for_content_encoding(list)?;
    let mut out = Vec::new();
    let mut sizes = sizes.iter().cycle();
    let mut rest = data;
    loop {
        let size = (*sizes.next().unwrap()).min(rest.len());
        let (mut piece, after) = rest.split_at(size);
        rest = after;
        loop {
            let before = out.len();
            let read = decoder.step(piece, &mut out, room)?;
            assert!(out.len() - before <= room);
            piece = &piece[read..];
            if read == 0 && out.len() == before {
                break;
            }
        }
        assert!(piece.is_empty());
        if rest.is_empty() {
            break;
        }
    }
    decoder.finish()?;
    Ok(out)
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(data in proptest::collection::vec(any::<u8>(), 0..2000), name in 0..NAMES.len()) {
        let packed = encode(&data, NAMES[name]).unwrap();
        prop_assert_eq!(decode(&packed, NAMES[name], data.len()).unwrap(), data);
    }

    #[test]
    fn any_bytes_end_without_panic(data in proptest::collection::vec(any::<u8>(), 0..400), name in 0..NAMES.len(), limit in 0_usize..300) {
        if let Ok(out) = decode(&data, NAMES[name], limit) {
            prop_assert!(name < 2 || out.len() <= limit);
        }
    }

    #[test]
    fn damaged_content_ends_without_panic(name in 2..NAMES.len(), at in 0_usize..60, byte: u8) {
        let mut packed = encode(TEXT, NAMES[name]).unwrap();
        let at = at % packed.len();
        packed[at] = byte;
        let _ = decode(&packed, NAMES[name], 1000);
    }

    #[test]
    fn any_split_gives_the_same(
        repeats in 0_usize..300,
        tail in proptest::collection::vec(any::<u8>(), 0..200),
        list in prop_oneof![Just("gzip"), Just("deflate"), Just("br"), Just("zstd"), Just("gzip, br"), Just("zstd, deflate, gzip")],
        sizes in proptest::collection::vec(1_usize..40, 1..8),
        room in 1_usize..500,
    ) {
        let data = [TEXT.repeat(repeats), tail].concat();
        let mut packed = data.clone();
        for name in list.split(", ") {
            packed = encode(&packed, name).unwrap();
        }
        prop_assert_eq!(decode_split(&packed, list.as_bytes(), &sizes, room).unwrap(), data);
    }
}

#[test]
fn large_content_is_measured_before_it_is_held() {
    let plain = vec![b'x'; 200 << 10];
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let coded = encode(&plain, coding).unwrap();
        let check = |limit, expected: Result<usize, CodecError>| {
            let length = decode(&coded, coding, limit).map(|content| content.len());
            assert_eq!(length, expected, "{coding}");
        };
        check(plain.len(), Ok(plain.len()));
        check(plain.len() + 1, Ok(plain.len()));
        let limit = plain.len() - 1;
        check(limit, Err(CodecError::TooLarge { limit }));
    }
}
