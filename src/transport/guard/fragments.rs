//! Cuts long WebSocket frames into fragments of what is there of them (RFC 6455, 5.2 and 5.4). Pure.

use std::io;

use crate::transport::room::{FULL, Room};
use crate::transport::ws::MAX_MESSAGE;

/// Frames that are no longer go on as they are.
const SMALL: u64 = 4 << 10;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
const CONTROL: u8 = 0x08;
const TEXT: u8 = 0x01;

/// The method of the request that a message which is too long becomes, so that it gets an answer.
pub const TOO_LONG: &str = "$/tooLong";

/// Takes frames as they come.
#[derive(Debug, Default)]
pub struct Fragments {
    header: Vec<u8>,
    /// What is left of the frame whose header has been read.
    frame: Option<Frame>,
    /// Bytes of the message so far, and whether more frames of it follow.
    message: usize,
    unfinished: bool,
    room: Room,
}

#[derive(Debug)]
struct Frame {
    /// The first byte of its header.
    first: u8,
    mask: Option<[u8; 4]>,
    left: u64,
    /// What happens to its payload.
    way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It goes on as it is, its header already has.
    On,
    /// It is cut into fragments.
    Cut,
    /// It is thrown away.
    Away,
}

impl Fragments {
    /// Whether a message, or a frame, is half received.
    pub const fn is_within(&self) -> bool {
        self.unfinished || self.frame.is_some() || !self.header.is_empty()
    }

    /// Takes bytes and adds to `out` what the server may read.
    ///
    /// # Errors
    /// When the connection has to end, because too much is half received.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        while !bytes.is_empty() {
            match &mut self.frame {
                None => bytes = self.read_header(bytes, out)?,
                Some(frame) => {
                    let here = usize::try_from(frame.left).unwrap_or(usize::MAX);
                    let (piece, rest) = bytes.split_at(here.min(bytes.len()));
                    frame.pass(piece, out);
                    if frame.first & CONTROL == 0 && frame.way != Way::Away {
                        self.message += piece.len();
                    }
                    bytes = rest;
                }
            }
            self.end_frame();
            if !self.room.fit(self.message) {
                return Err(io::Error::other(FULL));
            }
        }
        Ok(())
    }

    fn end_frame(&mut self) {
        let Some(frame) = self.frame.take_if(|frame| frame.left == 0) else {
            return;
        };
        if frame.first & CONTROL == 0 {
            self.unfinished = frame.first & FIN == 0;
            if !self.unfinished {
                self.message = 0;
            }
        }
    }

    /// Reads a header, or a part of it; returns the bytes after it.
    fn read_header<'a>(&mut self, bytes: &'a [u8], out: &mut Vec<u8>) -> io::Result<&'a [u8]> {
        let wanted = header_length(&self.header).saturating_sub(self.header.len());
        let (piece, rest) = bytes.split_at(wanted.min(bytes.len()));
        self.header.extend_from_slice(piece);
        if self.header.len() < header_length(&self.header) {
            return Ok(rest);
        }
        let header = std::mem::take(&mut self.header);
        let mut frame = Frame::read(&header);
        if frame.first & CONTROL == 0 && frame.left > (MAX_MESSAGE as usize - self.message) as u64 {
            if self.unfinished || frame.first & FIN == 0 {
                return Err(io::Error::other("a message in fragments that is too long"));
            }
            frame.way = Way::Away;
            let request = format!(r#"{{"jsonrpc":"2.0","id":null,"method":"{TOO_LONG}"}}"#);
            put_header(out, FIN | TEXT, frame.mask.map(|_| [0; 4]), request.len());
            out.extend_from_slice(request.as_bytes());
        }
        if frame.way == Way::On {
            out.extend_from_slice(&header);
        }
        self.frame = Some(frame);
        Ok(rest)
    }
}

impl Frame {
    /// The frame of a whole header.
    fn read(header: &[u8]) -> Self {
        let mask = match header[1] & MASKED {
            0 => None,
            _ => header.last_chunk::<4>().copied(),
        };
        let long = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let left = match header[1] & !MASKED {
            126 => long(&header[2..4]),
            127 => long(&header[2..10]),
            length => u64::from(length),
        };
        let way = match left > SMALL && header[0] & CONTROL == 0 {
            true => Way::Cut,
            false => Way::On,
        };
        Self {
            first: header[0],
            mask,
            left,
            way,
        }
    }

    /// Passes a piece of the payload on.
    fn pass(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        self.left -= piece.len() as u64;
        match self.way {
            Way::On => out.extend_from_slice(piece),
            Way::Away => {}
            Way::Cut => {
                let last = if self.left == 0 { self.first & FIN } else { 0 };
                put_header(out, self.first & !FIN | last, self.mask, piece.len());
                out.extend_from_slice(piece);
                self.first &= FIN; // the next one continues this
                if let Some(mask) = &mut self.mask {
                    mask.rotate_left(piece.len() % 4);
                }
            }
        }
    }
}

/// How long a header is that begins like this, as far as that can be told.
fn header_length(header: &[u8]) -> usize {
    let Some(second) = header.get(1) else {
        return 2;
    };
    let length = match second & !MASKED {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + if second & MASKED == 0 { 0 } else { 4 }
}

fn put_header(out: &mut Vec<u8>, first: u8, mask: Option<[u8; 4]>, length: usize) {
    let masked = mask.map_or(0, |_| MASKED);
    out.push(first);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..126), _) => out.push(masked | short),
        (_, Ok(length)) => {
            out.push(masked | 126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend(mask.into_iter().flatten());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A frame as a client sends it.
    fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_header(&mut bytes, first, mask, payload.len());
        let mask = mask.unwrap_or_default();
        bytes.extend(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        bytes
    }

    /// The frames in some bytes: first byte and payload, unmasked.
    fn frames(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let (mut all, mut rest) = (Vec::new(), bytes);
        while !rest.is_empty() {
            let length = header_length(rest);
            let frame = Frame::read(&rest[..length]);
            let (payload, after) = rest[length..].split_at(frame.left as usize);
            let mask = frame.mask.unwrap_or_default();
            let payload = payload.iter().zip(mask.iter().cycle());
            all.push((
                frame.first,
                payload.map(|(byte, mask)| byte ^ mask).collect(),
            ));
            rest = after;
        }
        all
    }

    /// The messages of some frames: opcode and payload. Control frames stand between them.
    fn messages(frames: Vec<(u8, Vec<u8>)>) -> Vec<(u8, Vec<u8>)> {
        let mut all = Vec::new();
        let mut open: Option<(u8, Vec<u8>)> = None;
        for (first, payload) in frames {
            if first & CONTROL != 0 {
                all.push((first & !FIN, payload));
                continue;
            }
            match &mut open {
                Some((_, so_far)) if first & !FIN == 0 => so_far.extend(payload),
                _ => open = Some((first & !FIN, payload)),
            }
            if first & FIN != 0 {
                all.extend(open.take());
            }
        }
        assert!(open.is_none());
        all
    }

    fn push(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut fragments, mut out) = (Fragments::default(), Vec::new());
        for piece in pieces {
            let before = out.len();
            fragments.push(piece, &mut out).unwrap();
            assert!(out.len() - before <= piece.len() + 2 * MAX_EXTRA);
        }
        assert!(!fragments.is_within());
        out
    }

    /// Bytes that a piece may become longer by.
    const MAX_EXTRA: usize = 64;

    #[test]
    fn a_message_that_is_too_long_becomes_one_that_says_so() {
        let mut header = Vec::new();
        let length = MAX_MESSAGE as usize + 1;
        put_header(&mut header, FIN | TEXT, Some([1, 2, 3, 4]), length);
        let (mut fragments, mut out) = (Fragments::default(), Vec::new());
        fragments.push(&header, &mut out).unwrap();
        let piece = vec![0; 1 << 20];
        (0..64).for_each(|_| fragments.push(&piece, &mut out).unwrap());
        fragments.push(b"x", &mut out).unwrap();
        fragments
            .push(&frame(FIN | TEXT, b"{}", None), &mut out)
            .unwrap();
        let all = frames(&out);
        assert!(String::from_utf8_lossy(&all[0].1).contains(TOO_LONG));
        assert_eq!(all[1..], [(FIN | TEXT, b"{}".to_vec())]);
        for header in [[0x81, 0xff, 0xff], [0x01, 0x7f, 0xff], [0x01, 0x7f, 0x00]] {
            let mut fragments = Fragments::default();
            let header = [&header[..], &[0xff; 11]].concat();
            let ends = fragments.push(&header, &mut Vec::new());
            assert_eq!(ends.is_err(), header[0] & FIN == 0);
        }
    }

    proptest! {
        #[test]
        fn messages_stay_what_they_are(
            sizes in proptest::collection::vec((0..12_000_usize, any::<bool>(), any::<[u8; 4]>()), 1..4),
            cuts in proptest::collection::vec(1..9_000_usize, 1..20),
        ) {
            let mut bytes = Vec::new();
            for (number, (size, ends, mask)) in sizes.iter().enumerate() {
                let ends = *ends || number + 1 == sizes.len();
                let begins = number == 0 || sizes[number - 1].1;
                let first = if ends { FIN } else { 0 } | if begins { TEXT } else { 0 };
                let payload: Vec<u8> = (0..*size).map(|at| (at % 251) as u8).collect();
                bytes.extend(frame(first, &payload, Some(*mask)));
                bytes.extend(frame(FIN | 0x09, b"ping", Some(*mask)));
            }
            let (mut pieces, mut rest) = (Vec::new(), bytes.as_slice());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            let out = push(&pieces);
            prop_assert_eq!(messages(frames(&out)), messages(frames(&bytes)));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Fragments::default().push(&bytes, &mut Vec::new());
        }
    }
}
