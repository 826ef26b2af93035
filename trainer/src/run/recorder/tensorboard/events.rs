//! The format of the files: records of `TFRecord`, each of which is an `Event` of `TensorFlow`'s protocol buffers.
//!
//! A record is its length (8 bytes, little-endian), the masked CRC-32C of those 8 bytes, the event, and the masked
//! CRC-32C of it. Of the messages only what `TensorBoard` shows is written:
//! `Event { 1 wall_time, 2 step, 3 file_version, 5 summary, 7 session_log }`, `Summary { 1 value* }`,
//! `Value { 1 tag, 2 simple_value, 4 image, 8 tensor, 9 metadata }`.
//! <https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto>

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rlhost_host::files;

use crate::{Error, Result};

/// The version that every file begins with.
const VERSION: &str = "brain.Event:2";
/// The largest event that is read: ours have a few small pictures at most.
const MOST: u64 = 16 << 20;
/// `SessionLog.SessionStatus.START`.
const START: u64 = 1;
/// `DT_STRING` of tensors.
const STRING: u64 = 7;

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Seconds since 1970.
    pub time: f64,
    /// The step.
    pub step: u64,
    /// The version of the format, in a file's first event.
    pub version: Option<String>,
    /// Whether a session begins: later steps that were written before do not count.
    pub start: bool,
    /// Values by their tags.
    pub values: Vec<(String, Value)>,
}

/// A value of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(f32),
    /// A text in Markdown.
    Text(String),
    /// A picture.
    Picture(Picture),
    /// Another kind, which is not read.
    Other,
}

/// A picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// The bytes of a PNG file.
    pub png: Vec<u8>,
}

impl Event {
    /// What was measured in a step.
    pub(super) fn of(step: u64, values: Vec<(String, Value)>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            time: now.map_or(0.0, |now| now.as_secs_f64()),
            step,
            version: None,
            start: false,
            values,
        }
    }

    /// What a file begins with.
    pub(super) fn version() -> Self {
        Self {
            version: Some(VERSION.to_owned()),
            ..Self::of(0, Vec::new())
        }
    }

    /// A session that begins with `step`.
    pub(super) fn start(step: u64) -> Self {
        Self {
            start: true,
            ..Self::of(step, Vec::new())
        }
    }

    fn encode(&self) -> Message {
        let mut event = Message::default();
        event.fixed64(1, self.time.to_bits());
        event.number(2, self.step);
        if let Some(version) = &self.version {
            event.bytes(3, version.as_bytes());
        }
        if !self.values.is_empty() {
            let mut summary = Message::default();
            for (tag, value) in &self.values {
                summary.message(1, &encode_value(tag, value));
            }
            event.message(5, &summary);
        }
        if self.start {
            let mut log = Message::default();
            log.number(1, START);
            event.message(7, &log);
        }
        event
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut event = Self {
            time: 0.0,
            step: 0,
            version: None,
            start: false,
            values: Vec::new(),
        };
        for field in Fields(bytes) {
            match field? {
                (1, Field::Fixed(bits)) => event.time = f64::from_bits(bits),
                (2, Field::Number(step)) => event.step = step,
                (3, Field::Bytes(text)) => event.version = Some(string(text)?),
                (5, Field::Bytes(summary)) => {
                    for value in Fields(summary) {
                        if let (1, Field::Bytes(value)) = value? {
                            event.values.push(decode_value(value)?);
                        }
                    }
                }
                (7, Field::Bytes(log)) => {
                    for field in Fields(log) {
                        event.start |= field? == (1, Field::Number(START));
                    }
                }
                _ => {}
            }
        }
        Some(event)
    }
}

fn encode_value(tag: &str, value: &Value) -> Message {
    let mut out = Message::default();
    out.bytes(1, tag.as_bytes());
    match value {
        Value::Scalar(value) => out.fixed32(2, value.to_bits()),
        Value::Picture(picture) => {
            let mut image = Message::default();
            image.number(1, picture.height.into());
            image.number(2, picture.width.into());
            // RGB.
            image.number(3, 3);
            image.bytes(4, &picture.png);
            out.message(4, &image);
        }
        Value::Text(text) => {
            let one = Message::default().with_number(1, 1);
            let shape = Message::default().with_message(2, &one);
            let mut tensor = Message::default().with_number(1, STRING);
            tensor.message(2, &shape);
            tensor.bytes(8, text.as_bytes());
            out.message(8, &tensor);
            let mut plugin = Message::default();
            plugin.bytes(1, b"text");
            out.message(9, &Message::default().with_message(1, &plugin));
        }
        Value::Other => {}
    }
    out
}

fn decode_value(bytes: &[u8]) -> Option<(String, Value)> {
    let (mut tag, mut found) = (String::new(), Value::Other);
    for field in Fields(bytes) {
        match field? {
            (1, Field::Bytes(text)) => tag = string(text)?,
            (2, Field::Short(bits)) => found = Value::Scalar(f32::from_bits(bits)),
            (4, Field::Bytes(image)) => {
                let mut picture = Picture::default();
                for field in Fields(image) {
                    match field? {
                        (1, Field::Number(height)) => picture.height = height as u32,
                        (2, Field::Number(width)) => picture.width = width as u32,
                        (4, Field::Bytes(png)) => picture.png = png.to_vec(),
                        _ => {}
                    }
                }
                found = Value::Picture(picture);
            }
            (8, Field::Bytes(tensor)) => {
                let (mut text, mut kind) = (None, 0);
                for field in Fields(tensor) {
                    match field? {
                        (1, Field::Number(number)) => kind = number,
                        (8, Field::Bytes(bytes)) => text = Some(string(bytes)?),
                        _ => {}
                    }
                }
                if let (STRING, Some(text)) = (kind, text) {
                    found = Value::Text(text);
                }
            }
            _ => {}
        }
    }
    Some((tag, found))
}

fn string(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// A message of protocol buffers that is being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }

    fn fixed64(&mut self, field: u64, bits: u64) {
        self.varint((field << 3) | 1);
        self.0.extend(bits.to_le_bytes());
    }

    fn fixed32(&mut self, field: u64, bits: u32) {
        self.varint((field << 3) | 5);
        self.0.extend(bits.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint((field << 3) | 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }

    fn with_number(mut self, field: u64, value: u64) -> Self {
        self.number(field, value);
        self
    }

    fn with_message(mut self, field: u64, message: &Self) -> Self {
        self.message(field, message);
        self
    }
}

/// The fields of a message, each with its number; `None` where the bytes are no message.
struct Fields<'a>(&'a [u8]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field<'a> {
    Number(u64),
    Fixed(u64),
    Short(u32),
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let count = usize::try_from(count).ok()?;
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn read(&mut self) -> Option<(u64, Field<'a>)> {
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Number(self.varint()?),
            1 => Field::Fixed(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let count = self.varint()?;
                Field::Bytes(self.take(count)?)
            }
            5 => Field::Short(u32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            _ => return None,
        };
        Some((key >> 3, field))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Field<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// The record of an event.
pub(super) fn framed(event: &Event) -> Vec<u8> {
    let Message(event) = event.encode();
    let length = (event.len() as u64).to_le_bytes();
    [
        &length[..],
        &masked_crc(&length),
        &event,
        &masked_crc(&event),
    ]
    .concat()
}

/// The next record; `None` at the end, and where what follows is no whole record.
fn record(reader: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    reader.take(12).read_to_end(&mut head)?;
    let Some((length, crc)) = head.split_at_checked(8).filter(|_| head.len() == 12) else {
        return Ok(None);
    };
    let count = length.try_into().map_or(u64::MAX, u64::from_le_bytes);
    if masked_crc(length) != crc || count > MOST {
        return Ok(None);
    }
    let mut event = Vec::new();
    reader.take(count + 4).read_to_end(&mut event)?;
    if event.len() as u64 != count + 4 {
        return Ok(None);
    }
    let crc = event.split_off(count as usize);
    Ok((masked_crc(&event)[..] == crc).then_some(event))
}

/// How much of a file of events stays when a run goes back to `step`, in bytes; nothing where it has no value up to
/// there. What is no whole event is where it ends.
pub(super) fn kept(file: &File, step: u64) -> io::Result<Option<u64>> {
    let mut reader = BufReader::new(file);
    reader.rewind()?;
    let (mut length, mut values) = (0, false);
    while let Some(bytes) = record(&mut reader)? {
        match Event::decode(&bytes) {
            Some(event) if event.step <= step => values |= !event.values.is_empty(),
            _ => break,
        }
        length += bytes.len() as u64 + 16;
    }
    Ok(values.then_some(length))
}

/// The events of a file. A last one that was cut off by the end of its writer does not count.
///
/// # Errors
/// If the file can't be read, or what a record holds is no event.
pub fn read_events(path: &Path) -> Result<Vec<Event>> {
    let file = files::open(path).map_err(|e| Error::io(path, e))?;
    let mut reader = BufReader::new(file);
    let mut events = Vec::new();
    while let Some(bytes) = record(&mut reader).map_err(|e| Error::io(path, e))? {
        let event = Event::decode(&bytes);
        events.push(
            event.ok_or_else(|| {
                Error::run(path, format!("record {} is no event", events.len() + 1))
            })?,
        );
    }
    Ok(events)
}

/// CRC-32C, rotated and shifted as `TFRecord` has it, in little-endian order.
fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    let crc = crc32c(bytes);
    (crc.rotate_right(15).wrapping_add(0xa282_ead8)).to_le_bytes()
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8);
    !bytes.iter().fold(!0, step)
}

/// The polynomial of Castagnoli, bits reversed.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = at as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                0x82f6_3b78 ^ (crc >> 1)
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// From RFC 3720, appendix B.4.
    #[test]
    fn crc_of_the_rfc() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn events_come_back() {
        let picture = Picture {
            width: 300,
            height: 2,
            png: vec![1, 2, 3],
        };
        let values = vec![
            ("reward/score".to_owned(), Value::Scalar(-0.25)),
            ("text".to_owned(), Value::Text("**x**\n".repeat(100))),
            ("image".to_owned(), Value::Picture(picture)),
        ];
        for event in [
            Event::version(),
            Event::start(1 << 40),
            Event::of(300, values),
        ] {
            let Message(bytes) = event.encode();
            assert_eq!(Event::decode(&bytes), Some(event));
            for cut in 1..bytes.len() {
                // Never a panic, whatever is found.
                let _ = Event::decode(&bytes[..cut]);
                let _ = Event::decode(&bytes[cut..]);
            }
        }
    }
}
