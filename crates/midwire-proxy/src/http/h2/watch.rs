//! Looking at the frames that pass, to notice a peer that sends nothing but work (RFC 9113 §10.5).
//!
//! Only frame headers are read. What passes is not changed; a peer that goes too far is reported once.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Time in which frames are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// Control frames in that time beyond what the traffic calls for (security.md §2).
const CONTROL_MAX: u64 = 1000;
/// Control frames that one frame of traffic calls for: acknowledgements, windows of stream and connection.
const CONTROL_PER_DATA: u64 = 4;
/// CONTINUATION frames in a row that may be empty.
const EMPTY_CONTINUATION_MAX: u32 = 8;
/// Length of the text that a client begins with (RFC 9113 §3.4).
pub(super) const PREFACE: usize = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;
const RST_STREAM: u8 = 3;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;

/// Something that happens once, for any number of waiters.
#[derive(Clone, Default)]
pub(super) struct Flag(Arc<(AtomicBool, Notify)>);

impl Flag {
    /// Waits for it.
    ///
    /// # Cancellation
    /// Safe.
    pub(super) async fn raised(&self) {
        loop {
            let mut notified = std::pin::pin!(self.0.1.notified());
            notified.as_mut().enable();
            if self.0.0.load(Ordering::Acquire) {
                return;
            }
            notified.await;
        }
    }

    fn raise(&self) {
        if !self.0.0.swap(true, Ordering::AcqRel) {
            self.0.1.notify_waiters();
        }
    }
}

/// When bytes last passed on a connection.
#[derive(Clone)]
pub(super) struct Activity {
    start: Instant,
    /// Milliseconds since then.
    last: Arc<AtomicU64>,
}

impl Activity {
    fn new(start: Instant) -> Self {
        Self {
            start,
            last: Arc::default(),
        }
    }

    pub(super) fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.last.load(Ordering::Relaxed))
    }

    fn note(&self, now: Instant) {
        let passed = now.duration_since(self.start).as_millis();
        self.last
            .store(u64::try_from(passed).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// A connection whose frames are counted.
pub(super) struct Watched<T> {
    io: T,
    read: Scanner,
    written: Scanner,
    meter: Meter,
    /// The peer went too far.
    alarm: Flag,
    /// The peer's settings are in force: we have acknowledged them.
    settled: Flag,
    activity: Activity,
}

impl<T> Watched<T> {
    /// Watches a connection whose peer begins with `ahead` bytes that are no frames, and we with `own`.
    pub(super) fn new(io: T, (ahead, own): (usize, usize), max_resets: u64) -> (Self, Flag) {
        let alarm = Flag::default();
        let now = Instant::now();
        let watched = Self {
            io,
            read: Scanner::new(ahead),
            written: Scanner::new(own),
            meter: Meter::new(max_resets, now),
            alarm: alarm.clone(),
            settled: Flag::default(),
            activity: Activity::new(now),
        };
        (watched, alarm)
    }

    /// Raised when the peer's first settings are in force.
    pub(super) fn settled(&self) -> Flag {
        self.settled.clone()
    }

    /// Tells when bytes last passed.
    pub(super) fn activity(&self) -> Activity {
        self.activity.clone()
    }

    fn sent(&mut self, bytes: &[u8]) {
        let (traffic, settled) = (&mut self.meter.traffic, &self.settled);
        self.written.scan(bytes, |frame| {
            if frame.carries() {
                *traffic += 1;
            } else if frame.kind == SETTINGS && frame.flags & ACK != 0 {
                settled.raise();
            }
        });
        self.activity.note(Instant::now());
    }
}

/// The header of a frame (RFC 9113 §4.1).
#[derive(Clone, Copy)]
pub(super) struct Frame {
    len: usize,
    kind: u8,
    flags: u8,
}

impl Frame {
    /// True for a PING that asks for an answer.
    #[cfg(test)]
    pub(super) fn is_ping(self) -> bool {
        self.kind == 6 && self.flags & ACK == 0
    }

    /// True if it moves a message on.
    fn carries(self) -> bool {
        match self.kind {
            DATA => self.len > 0 || self.flags & END_STREAM != 0,
            HEADERS | PUSH_PROMISE => true,
            CONTINUATION => self.len > 0,
            _ => false,
        }
    }
}

/// Finds frame headers in a stream of bytes, however they are split.
pub(super) struct Scanner {
    skip: usize,
    header: [u8; 9],
    have: usize,
}

impl Scanner {
    pub(super) fn new(skip: usize) -> Self {
        Self {
            skip,
            header: [0; 9],
            have: 0,
        }
    }

    pub(super) fn scan(&mut self, mut bytes: &[u8], mut found: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            let (_, rest) = bytes.split_at(skipped);
            let room = self.header.get_mut(self.have..).unwrap_or_default();
            let taken = room.len().min(rest.len());
            let (now, later) = rest.split_at(taken);
            if let Some(room) = room.get_mut(..taken) {
                room.copy_from_slice(now);
            }
            self.have += taken;
            bytes = later;
            if self.have < self.header.len() {
                continue;
            }
            let [a, b, c, kind, flags, ..] = self.header;
            let len = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            self.have = 0;
            self.skip = len;
            found(Frame { len, kind, flags });
        }
    }
}

/// Counts within a window of time.
struct Meter {
    since: Instant,
    max_resets: u64,
    resets: u64,
    control: u64,
    traffic: u64,
    empty: u32,
}

impl Meter {
    fn new(max_resets: u64, now: Instant) -> Self {
        Self {
            since: now,
            max_resets,
            resets: 0,
            control: 0,
            traffic: 0,
            empty: 0,
        }
    }

    /// Counts a frame of the peer; true if that was one too many.
    fn count(&mut self, frame: Frame, now: Instant) -> bool {
        if now.duration_since(self.since) > WINDOW {
            *self = Self {
                empty: self.empty,
                ..Self::new(self.max_resets, now)
            };
        }
        self.empty = match frame {
            Frame {
                kind: CONTINUATION,
                len: 0,
                ..
            } => self.empty + 1,
            _ => 0,
        };
        if frame.carries() {
            self.traffic += 1;
        } else if frame.kind == RST_STREAM {
            self.resets += 1;
        } else if !(frame.flags & ACK != 0 && matches!(frame.kind, 4 | 6)) {
            self.control += 1;
        }
        self.resets > self.max_resets
            || self.control > CONTROL_MAX + CONTROL_PER_DATA * self.traffic
            || self.empty > EMPTY_CONTINUATION_MAX
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        let fresh = buf.filled().get(before..).unwrap_or_default();
        if fresh.is_empty() {
            return polled;
        }
        let now = Instant::now();
        let mut too_many = false;
        self.activity.note(now);
        let Self { read, meter, .. } = &mut *self;
        read.scan(fresh, |frame| too_many |= meter.count(frame, now));
        if too_many {
            self.alarm.raise();
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(n)) = polled {
            self.sent(buf.get(..n).unwrap_or_default());
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        if let Poll::Ready(Ok(n)) = polled {
            let mut left = n;
            for buf in bufs {
                let part = buf.get(..left.min(buf.len())).unwrap_or_default();
                left -= part.len();
                self.sent(part);
            }
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(len: usize, kind: u8, flags: u8) -> Vec<u8> {
        let [.., a, b, c] = u32::try_from(len).unwrap().to_be_bytes();
        let mut bytes = vec![a, b, c, kind, flags, 0, 0, 0, 1];
        bytes.extend(std::iter::repeat_n(0x55, len));
        bytes
    }

    fn floods(frames: &[Vec<u8>]) -> bool {
        let mut meter = Meter::new(200, Instant::now());
        let mut scanner = Scanner::new(0);
        let now = Instant::now();
        let mut too_many = false;
        for bytes in frames {
            scanner.scan(bytes, |frame| too_many |= meter.count(frame, now));
        }
        too_many
    }

    #[test]
    fn headers_are_found_however_bytes_are_split() {
        let all: Vec<u8> = [
            vec![0; PREFACE],
            frame(0, 4, 1),
            frame(300, DATA, 0),
            frame(7, HEADERS, 5),
        ]
        .concat();
        for size in [1, 2, 3, 8, 9, 10, 1000] {
            let mut scanner = Scanner::new(PREFACE);
            let mut seen = Vec::new();
            for piece in all.chunks(size) {
                scanner.scan(piece, |frame| seen.push((frame.kind, frame.len)));
            }
            assert_eq!(seen, [(4, 0), (DATA, 300), (HEADERS, 7)], "{size}");
        }
    }

    #[test]
    fn floods_are_noticed_and_traffic_is_not() {
        let check = |expected: bool, frames: Vec<Vec<u8>>| assert_eq!(floods(&frames), expected);
        check(false, vec![frame(8, 6, 0); 1000]);
        check(true, vec![frame(8, 6, 0); 1001]);
        check(false, vec![frame(8, 6, ACK); 5000]);
        check(true, vec![frame(0, DATA, 0); 1001]);
        check(false, vec![frame(1, DATA, 0); 5000]);
        check(false, vec![frame(4, RST_STREAM, 0); 200]);
        check(true, vec![frame(4, RST_STREAM, 0); 201]);
        check(false, vec![frame(0, CONTINUATION, 0); 8]);
        check(true, vec![frame(0, CONTINUATION, 0); 9]);
        check(true, vec![frame(3, 0xfa, 0); 1001]);
        let busy = [frame(10, DATA, 0), frame(4, 8, 0), frame(4, 8, 0)].concat();
        check(false, vec![busy; 5000]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_same_frames(bytes: Vec<u8>, size in 1usize..40) {
            let scan = |size: usize| {
                let mut scanner = Scanner::new(0);
                let mut seen = Vec::new();
                for piece in bytes.chunks(size) {
                    scanner.scan(piece, |frame| seen.push((frame.kind, frame.flags, frame.len)));
                }
                seen
            };
            proptest::prop_assert_eq!(scan(size), scan(usize::MAX));
        }
    }
}
