//! The order of fields, which the library's header map loses when a name comes again after others.
//!
//! Incoming header blocks are read a second time beside the library; only sections whose order it would lose are
//! remembered, and used if they have the same fields as what the library gives. In an outgoing header block the
//! fields are put back in their order, and names get capitals where they are to have some: such a section carries, as
//! its last field, its own permutation and these names, which are taken out here. Its fields are marked as sensitive, so that none of them is entered into the dynamic table and they can
//! change places (RFC 7541 §6.2.3).

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::hpack::{Decoder, Line, integer, raw_string};

/// Sections that are remembered at a time.
const REMEMBERED: usize = 64;
/// Largest section that is remembered, in bytes.
const SECTION_MAX: usize = 64 * 1024;
/// Largest header block that is read along; beyond it, the connection's orders are given up.
const BLOCK_MAX: usize = 256 * 1024;
/// Largest frame that anybody may send to us, and that we send (RFC 9113 §4.2).
const FRAME_MAX: usize = 16 * 1024;
const HEADER: usize = 9;

const HEADERS: u8 = 1;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// Name of the field that carries a permutation. It never leaves the program.
pub(super) const MARK: &str = "midwire-order";
/// The name as the library writes it: its length and Huffman code.
const MARK_CODED: [u8; 11] = [
    0x8a, 0xa4, 0xd2, 0x78, 0x35, 0x85, 0x58, 0xf6, 0x48, 0x5b, 0x3f,
];
/// Digits of the permutation: the symbols whose Huffman codes are the numbers 0 to 9 in five bits.
const DIGITS: &[u8; 10] = b"012aceiost";

/// Orders of sections that have come, by stream.
#[derive(Clone, Default)]
pub(super) struct Orders(Arc<Mutex<VecDeque<Section>>>);

/// Stream and fields.
type Section = (u32, Vec<Line>);

impl Orders {
    /// Puts the fields of a section of this stream into the order they came in, if it is known to be another.
    pub(super) fn restore(&self, stream: u32, lines: Vec<Line>) -> Vec<Line> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known
            .iter()
            .position(|(of, order)| *of == stream && regrouped(order).into_iter().eq(lines.iter()));
        match found.and_then(|at| known.remove(at)) {
            Some((_, order)) => order,
            None => lines,
        }
    }

    fn remember(&self, stream: u32, lines: Vec<Line>) {
        let size: usize = lines.iter().map(|(n, v)| n.len() + v.len()).sum();
        if size > SECTION_MAX || !loses_order(&lines) {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.pop_front();
        }
        known.push_back((stream, lines));
    }
}

/// For each line the place of the first one with its name.
fn firsts(lines: &[Line]) -> Vec<usize> {
    let mut seen = std::collections::HashMap::with_capacity(lines.len());
    lines
        .iter()
        .enumerate()
        .map(|(at, (name, _))| *seen.entry(name).or_insert(at))
        .collect()
}

fn loses_order(lines: &[Line]) -> bool {
    firsts(lines).windows(2).any(|pair| pair[0] > pair[1])
}

/// The places of the lines in the order in which the library gives them.
fn grouping(lines: &[Line]) -> Vec<usize> {
    let firsts = firsts(lines);
    let mut places: Vec<usize> = (0..lines.len()).collect();
    places.sort_by_key(|at| firsts.get(*at).copied());
    places
}

fn regrouped(lines: &[Line]) -> Vec<&Line> {
    grouping(lines)
        .into_iter()
        .filter_map(|at| lines.get(at))
        .collect()
}

/// The value of the mark for a section, if the library would lose its order or the capitals of its names.
///
/// It is a list of numbers of three digits: how many fields there are, their places, and for each name that is to have
/// capitals the place of its field, its length and its bytes. Names of a thousand bytes or more stay lowered.
pub(super) fn mark(lines: &[Line], capitals: &[(usize, Bytes)]) -> Option<String> {
    if lines.len() >= 1000 || (capitals.is_empty() && !loses_order(lines)) {
        return None;
    }
    let digit = |n: usize| DIGITS.get(n % 10).map_or('0', |byte| char::from(*byte));
    let mut numbers = vec![lines.len()];
    numbers.extend(grouping(lines));
    for (at, name) in capitals.iter().filter(|(_, name)| name.len() < 1000) {
        numbers.extend([*at, name.len()]);
        numbers.extend(name.iter().map(|byte| usize::from(*byte)));
    }
    Some(
        numbers
            .into_iter()
            .flat_map(|n| [digit(n / 100), digit(n / 10), digit(n)])
            .collect(),
    )
}

/// Takes the mark out of a header block and puts its fields in order; `None` if there is no mark.
fn reorder(block: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(block, &MARK_CODED)?;
    let mut parts = Vec::new();
    let mut rest = block;
    while let Some(first) = rest.first().copied() {
        let whole = rest;
        let prefix = match first {
            0x80.. => 7,
            0x40..=0x7f => 6,
            0x20..=0x3f => 5,
            _ => 4,
        };
        let index = integer(&mut rest, prefix)?;
        if matches!(prefix, 4 | 6) {
            if index == 0 {
                raw_string(&mut rest)?;
            }
            raw_string(&mut rest)?;
        }
        parts.push(whole.get(..whole.len() - rest.len())?);
    }
    let mark = parts.pop()?;
    let mut value = mark.strip_prefix(&[0x10])?.strip_prefix(&MARK_CODED)?;
    let (coded, true) = raw_string(&mut value)? else {
        return None;
    };
    let numbers = numbers(coded)?;
    let (count, numbers) = numbers.split_first()?;
    let (places, mut capitals) = numbers.split_at_checked(*count)?;
    let (pseudo, fields) = parts.split_at_checked(parts.len().checked_sub(places.len())?)?;
    let mut ordered: Vec<(usize, Vec<u8>)> = places
        .iter()
        .copied()
        .zip(fields.iter().map(|part| part.to_vec()))
        .collect();
    ordered.sort_by_key(|(at, _)| *at);
    while let [at, len, rest @ ..] = capitals {
        let (name, rest) = rest.split_at_checked(*len)?;
        capitals = rest;
        let name: Vec<u8> = name.iter().map(|byte| *byte as u8).collect();
        let (_, part) = ordered.get_mut(*at)?;
        *part = renamed(part, &name)?;
    }
    let mut out = pseudo.concat();
    for (_, part) in ordered {
        out.extend_from_slice(&part);
    }
    Some(out)
}

/// A literal field that is never indexed, with another name that is not Huffman-coded (RFC 7541 §6.2.3).
fn renamed(part: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut value = part;
    if integer(&mut value, 4)? == 0 {
        raw_string(&mut value)?;
    }
    let mut out = vec![0x10];
    // The length with a prefix of seven bits (RFC 7541 §5.1).
    match u8::try_from(name.len()) {
        Ok(len) if len < 127 => out.push(len),
        _ => {
            let mut rest = name.len().checked_sub(127)?;
            out.push(127);
            while rest >= 128 {
                out.push((rest % 128) as u8 | 0x80);
                rest /= 128;
            }
            out.push(rest as u8);
        }
    }
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    Some(out)
}

/// The numbers of a mark from their Huffman code.
fn numbers(coded: &[u8]) -> Option<Vec<usize>> {
    let mut digits = Vec::new();
    let (mut bits, mut have) = (0u32, 0);
    for byte in coded {
        bits = bits << 8 | u32::from(*byte);
        have += 8;
        while have >= 5 {
            have -= 5;
            digits.push((bits >> have & 31) as usize);
            bits &= (1 << have) - 1;
        }
    }
    // Ones at the end are padding, which is no digit.
    while digits.last() == Some(&31) {
        digits.pop();
    }
    digits
        .chunks(3)
        .map(|number| match *number {
            [a, b, c] if a < 10 && b < 10 && c < 10 => Some(a * 100 + b * 10 + c),
            _ => None,
        })
        .collect()
}

/// A connection whose header blocks keep their order.
pub(super) struct Ordered<T> {
    io: T,
    read: Reader,
    write: Writer,
}

impl<T> Ordered<T> {
    /// Watches a connection whose peer begins with `ahead` bytes that are no frames, and we with `own`.
    pub(super) fn new(io: T, (ahead, own): (usize, usize), table: usize) -> (Self, Orders) {
        let orders = Orders::default();
        let ordered = Self {
            io,
            read: Reader {
                frames: Frames::new(ahead),
                decoder: Some(Decoder::new(table)),
                stream: 0,
                block: Vec::new(),
                orders: orders.clone(),
            },
            write: Writer {
                frames: Frames::new(own),
                head: [0; HEADER],
                block: Vec::new(),
                out: BytesMut::new(),
            },
        };
        (ordered, orders)
    }
}

/// Cuts a stream of bytes into frames; those with header blocks are collected.
struct Frames {
    /// Bytes of other frames that are still to pass.
    skip: usize,
    /// A frame that is being collected, or the beginning of its header.
    held: Vec<u8>,
}

enum Piece<'a> {
    /// Bytes that pass as they are.
    Other(&'a [u8]),
    /// The header of a frame that passes.
    Header(Vec<u8>),
    /// A whole frame with a header block or a part of one.
    Block(Vec<u8>),
}

impl Frames {
    fn new(skip: usize) -> Self {
        Self {
            skip,
            held: Vec::new(),
        }
    }

    fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Piece<'a>> {
        if self.skip > 0 && !bytes.is_empty() {
            let (now, later) = bytes.split_at(self.skip.min(bytes.len()));
            self.skip -= now.len();
            *bytes = later;
            return Some(Piece::Other(now));
        }
        self.hold(bytes, HEADER);
        let (len, kind) = match *self.held {
            [a, b, c, kind, _, _, _, _, _, ..] => (
                usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c),
                kind,
            ),
            _ => return None,
        };
        if !matches!(kind, HEADERS | PUSH_PROMISE | CONTINUATION) || len > FRAME_MAX {
            self.skip = len;
            return Some(Piece::Header(std::mem::take(&mut self.held)));
        }
        self.hold(bytes, HEADER + len);
        (self.held.len() >= HEADER + len).then(|| Piece::Block(std::mem::take(&mut self.held)))
    }

    fn hold(&mut self, bytes: &mut &[u8], len: usize) {
        let wanted = len.saturating_sub(self.held.len()).min(bytes.len());
        let (now, later) = bytes.split_at(wanted);
        self.held.extend_from_slice(now);
        *bytes = later;
    }
}

struct Reader {
    frames: Frames,
    /// Gone when the blocks could not be followed.
    decoder: Option<Decoder>,
    stream: u32,
    block: Vec<u8>,
    orders: Orders,
}

impl Reader {
    fn read(&mut self, mut bytes: &[u8]) {
        while self.decoder.is_some() {
            match self.frames.next(&mut bytes) {
                None => return,
                Some(Piece::Block(frame)) => self.frame(&frame),
                Some(Piece::Other(_) | Piece::Header(_)) => {}
            }
        }
    }

    fn frame(&mut self, frame: &[u8]) {
        let Some((stream, flags, fragment)) = fragment(frame) else {
            self.decoder = None;
            return;
        };
        if frame.get(3) != Some(&CONTINUATION) {
            self.block.clear();
            self.stream = stream;
        }
        if self.block.len() + fragment.len() > BLOCK_MAX {
            self.decoder = None;
            return;
        }
        self.block.extend_from_slice(fragment);
        if flags & END_HEADERS == 0 {
            return;
        }
        let block = std::mem::take(&mut self.block);
        match self.decoder.as_mut().and_then(|one| one.decode(&block)) {
            Some(mut lines) => {
                lines.retain(|(name, _)| !name.starts_with(b":"));
                self.orders.remember(self.stream, lines);
            }
            None => self.decoder = None,
        }
    }
}

/// Stream, flags and the part of the header block in a frame (RFC 9113 §6.2, §6.6, §6.10).
fn fragment(frame: &[u8]) -> Option<(u32, u8, &[u8])> {
    let (head, mut payload) = frame.split_at_checked(HEADER)?;
    let (kind, flags) = (*head.get(3)?, *head.get(4)?);
    let stream = u32::from_be_bytes(head.get(5..)?.try_into().ok()?) & 0x7fff_ffff;
    if kind == CONTINUATION {
        return Some((stream, flags, payload));
    }
    if flags & PADDED != 0 {
        let (pad, rest) = payload.split_first()?;
        payload = rest.get(..rest.len().checked_sub(usize::from(*pad))?)?;
    }
    let skip = match kind {
        PUSH_PROMISE => 4,
        _ if flags & PRIORITY != 0 => 5,
        _ => 0,
    };
    Some((stream, flags, payload.get(skip..)?))
}

struct Writer {
    frames: Frames,
    /// Header of the first frame of the block.
    head: [u8; HEADER],
    block: Vec<u8>,
    /// What is to be written before anything else.
    out: BytesMut,
}

impl Writer {
    /// Takes bytes in; they come out in `out`.
    fn take(&mut self, mut bytes: &[u8]) {
        while let Some(piece) = self.frames.next(&mut bytes) {
            match piece {
                Piece::Other(bytes) => self.out.extend_from_slice(bytes),
                Piece::Header(bytes) => self.out.extend_from_slice(&bytes),
                Piece::Block(frame) => self.frame(&frame),
            }
        }
    }

    fn frame(&mut self, frame: &[u8]) {
        let Some((head, payload)) = frame.split_at_checked(HEADER) else {
            return;
        };
        if frame.get(3) != Some(&CONTINUATION) {
            self.block.clear();
            self.head.copy_from_slice(head);
        }
        self.block.extend_from_slice(payload);
        if frame.get(4).is_some_and(|flags| flags & END_HEADERS == 0) {
            return;
        }
        // Our frames have neither padding nor priority: the payload is the block.
        let block = std::mem::take(&mut self.block);
        let block = reorder(&block).unwrap_or(block);
        let mut kind_and_flags = (self.head[3], self.head[4] & !END_HEADERS);
        let mut rest = &block[..];
        loop {
            let (now, later) = rest.split_at(rest.len().min(FRAME_MAX));
            rest = later;
            let (kind, mut flags) = kind_and_flags;
            if rest.is_empty() {
                flags |= END_HEADERS;
            }
            let [.., a, b, c] = now.len().to_be_bytes();
            self.out.extend_from_slice(&[a, b, c, kind, flags]);
            self.out.extend_from_slice(&self.head[5..]);
            self.out.extend_from_slice(now);
            if rest.is_empty() {
                return;
            }
            kind_and_flags = (CONTINUATION, 0);
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Ordered<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        let fresh = buf.filled().get(before..).unwrap_or_default();
        self.read.read(fresh);
        polled
    }
}

impl<T: AsyncWrite + Unpin> Ordered<T> {
    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.write.out.is_empty() {
            let n = ready!(Pin::new(&mut self.io).poll_write(cx, &self.write.out))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.write.out.advance(n);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Ordered<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        // A little is collected, so that a head goes out with what follows it.
        if self.write.out.len() >= FRAME_MAX {
            ready!(self.poll_out(cx))?;
        }
        self.write.take(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(names: &[&str]) -> Vec<Line> {
        names
            .iter()
            .enumerate()
            .map(|(at, name)| (name.to_string().into(), at.to_string().into()))
            .collect()
    }

    #[test]
    fn only_sections_that_lose_their_order_are_marked() {
        let check = |names: &[&str], expected: Option<&str>| {
            assert_eq!(mark(&lines(names), &[]).as_deref(), expected, "{names:?}");
        };
        check(&[], None);
        check(&["a", "b", "c"], None);
        check(&["a", "a", "b", "b"], None);
        check(&["a", "b", "a"], Some("00a000002001"));
        check(&["a", "b", "a", "c", "b"], Some("00e00000200100c00a"));
    }

    #[test]
    fn names_are_replaced_in_literals() {
        let check = |part: &[u8], name: &str, expected: &[u8]| {
            let got = renamed(part, name.as_bytes());
            assert_eq!(got.as_deref(), Some(expected), "{part:?}");
        };
        check(b"\x10\x01x\x01v", "X", b"\x10\x01X\x01v");
        check(b"\x1f\x0a\x01v", "Age", b"\x10\x03Age\x01v");
        let long = "A".repeat(300);
        let expected = [&[0x10, 127, 0xad, 1][..], long.as_bytes(), b"\x01v"].concat();
        check(b"\x10\x01x\x01v", &long, &expected);
        assert_eq!(renamed(b"", b"X"), None);
        assert_eq!(renamed(b"\x10\x05x", b"X"), None);
    }

    #[test]
    fn known_orders_come_back_only_for_the_same_fields() {
        let orders = Orders::default();
        let came = lines(&["a", "b", "a"]);
        let given: Vec<Line> = regrouped(&came).into_iter().cloned().collect();
        orders.remember(1, came.clone());
        assert_eq!(orders.restore(3, given.clone()), given);
        assert_eq!(orders.restore(1, lines(&["x"])), lines(&["x"]));
        assert_eq!(orders.restore(1, given.clone()), came);
        assert_eq!(orders.restore(1, given.clone()), given);
        for stream in 0..1000 {
            orders.remember(stream, came.clone());
        }
        assert_eq!(orders.0.lock().unwrap().len(), REMEMBERED);
    }

    proptest::proptest! {
        #[test]
        fn frames_pass_unchanged_however_they_are_split(bytes: Vec<u8>, size in 1usize..40) {
            let mut writer = Writer {
                frames: Frames::new(0),
                head: [0; HEADER],
                block: Vec::new(),
                out: BytesMut::new(),
            };
            let mut all = [&[0, 0, 3, 0, 1, 0, 0, 0, 1, 1, 2, 3][..], &bytes].concat();
            all.truncate(12 + bytes.len());
            if let Some(kind) = all.get_mut(15) {
                *kind = 0;
            }
            for piece in all.chunks(size) {
                writer.take(piece);
            }
            let got = writer.out.len();
            proptest::prop_assert_eq!(&writer.out[..12], &all[..12]);
            proptest::prop_assert!(got <= all.len());
        }

        #[test]
        fn any_bytes_are_read_along_without_panic(bytes: Vec<u8>) {
            let mut ordered = Ordered::new((), (0, 0), 4096).0;
            ordered.read.read(&[&[0, 0, 40, HEADERS, END_HEADERS, 0, 0, 0, 1][..], &bytes].concat());
            reorder(&[&MARK_CODED[..], &bytes].concat());
        }
    }
}
