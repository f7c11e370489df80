//! The protobuf spelling. Fields are read as they stand in the bytes, by number and wire type; what is not known is passed
//! over. Numbers of fields: `opentelemetry/proto/{common,resource,logs,metrics}/v1`. The messages that are read do not
//! contain themselves (nested values are passed over), so the depth is that of the code.

use std::borrow::Cow;

use super::model::{Attributes, Group, MAX_ATTRIBUTES, MAX_RECORDS, Point, Record, spend};
use crate::Unparsable;
use crate::lenient::Scalar;

/// Most values in one body, however small: an empty message takes two bytes.
const MAX_FIELDS: usize = 4_000_000;

/// The value of a field, by its wire type.
#[derive(Clone, Copy, Debug)]
enum Field<'b> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'b [u8]),
    Fixed32,
}

/// Fields of one message.
struct Fields<'b> {
    bytes: &'b [u8],
    at: usize,
}

const BROKEN: Unparsable = Unparsable::Invalid {
    line: 1,
    column: 1,
    why: "no OTLP request in protobuf",
};

impl<'b> Fields<'b> {
    fn of(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next field and its number; `None` at the end.
    fn next(&mut self) -> Result<Option<(u64, Field<'b>)>, Unparsable> {
        if self.at >= self.bytes.len() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(self.fixed64()?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| BROKEN)?;
                Field::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Field::Fixed32
            }
            // Groups are from before this format was made.
            _ => return Err(BROKEN),
        };
        if tag >> 3 == 0 {
            return Err(BROKEN);
        }
        Ok(Some((tag >> 3, field)))
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], Unparsable> {
        let end = self.at.checked_add(length).ok_or(Unparsable::Truncated)?;
        let taken = self.bytes.get(self.at..end).ok_or(Unparsable::Truncated)?;
        self.at = end;
        Ok(taken)
    }

    fn fixed64(&mut self) -> Result<u64, Unparsable> {
        let bytes = self.take(8)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn varint(&mut self) -> Result<u64, Unparsable> {
        let mut number = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or(Unparsable::Truncated)?;
            self.at += 1;
            // The tenth byte holds one bit only; more is cut off as other readers do.
            number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(BROKEN)
    }
}

/// Reads a message field by field; how many fields may still be read is kept for the whole body.
struct Reader {
    fields: usize,
    records: usize,
}

/// Reads one item of a scope and adds what it holds.
type Item<'b, T> = fn(&mut Reader, &'b [u8], &mut Vec<T>) -> Result<(), Unparsable>;

impl Reader {
    fn each<'b>(
        &mut self,
        bytes: &'b [u8],
        mut take: impl FnMut(&mut Self, u64, Field<'b>) -> Result<(), Unparsable>,
    ) -> Result<(), Unparsable> {
        let mut fields = Fields::of(bytes);
        while let Some((number, field)) = fields.next()? {
            self.fields = self.fields.checked_sub(1).ok_or(Unparsable::TooMany {
                limit: MAX_FIELDS,
                what: "values",
            })?;
            take(self, number, field)?;
        }
        Ok(())
    }

    /// `resource` (1) and the parts of scopes (2), each of whose items (2) is handed to `item`.
    fn group<'b, T>(&mut self, bytes: &'b [u8], item: Item<'b, T>) -> Result<Group<'b, T>, Unparsable> {
        let mut group = Group {
            resource: Attributes::default(),
            items: Vec::new(),
        };
        self.each(bytes, |reader, number, field| match (number, field) {
            (1, Field::Bytes(resource)) => reader.each(resource, |reader, number, field| match (number, field) {
                (1, Field::Bytes(pair)) => reader.pair(pair, &mut group.resource),
                _ => Ok(()),
            }),
            (2, Field::Bytes(scope)) => reader.each(scope, |reader, number, field| match (number, field) {
                (2, Field::Bytes(bytes)) => item(reader, bytes, &mut group.items),
                _ => Ok(()),
            }),
            _ => Ok(()),
        })?;
        Ok(group)
    }

    fn pair<'b>(&mut self, bytes: &'b [u8], attributes: &mut Attributes<'b>) -> Result<(), Unparsable> {
        let (mut key, mut value) = (Cow::Borrowed(""), None);
        self.each(bytes, |reader, number, field| {
            match (number, field) {
                (1, Field::Bytes(text)) => key = String::from_utf8_lossy(text),
                (2, Field::Bytes(any)) => value = reader.any(any)?,
                _ => {}
            }
            Ok(())
        })?;
        if let (Some(value), true) = (value, attributes.0.len() < MAX_ATTRIBUTES) {
            attributes.0.push((key, value));
        }
        Ok(())
    }

    fn any<'b>(&mut self, bytes: &'b [u8]) -> Result<Option<Scalar<'b>>, Unparsable> {
        let mut value = None;
        self.each(bytes, |_, number, field| {
            value = match (number, field) {
                (1, Field::Bytes(text)) => Some(Scalar::Text(String::from_utf8_lossy(text))),
                (2, Field::Varint(flag)) => Some(Scalar::Flag(flag != 0)),
                (3, Field::Varint(number)) => Some(Scalar::Int(number.cast_signed())),
                (4, Field::Fixed64(bits)) => Some(Scalar::Float(f64::from_bits(bits))),
                _ => return Ok(()),
            };
            Ok(())
        })?;
        Ok(value)
    }
}

pub(super) fn logs(body: &[u8]) -> Result<Vec<Group<'_, Record<'_>>>, Unparsable> {
    groups(body, record)
}

pub(super) fn metrics(body: &[u8]) -> Result<Vec<Group<'_, Point<'_>>>, Unparsable> {
    groups(body, metric)
}

/// The groups (1) of a request.
fn groups<'b, T>(body: &'b [u8], item: Item<'b, T>) -> Result<Vec<Group<'b, T>>, Unparsable> {
    let mut reader = Reader {
        fields: MAX_FIELDS,
        records: MAX_RECORDS,
    };
    let mut groups = Vec::new();
    reader.each(body, |reader, number, field| {
        if let (1, Field::Bytes(bytes)) = (number, field) {
            groups.push(reader.group(bytes, item)?);
        }
        Ok(())
    })?;
    Ok(groups)
}

fn record<'b>(reader: &mut Reader, bytes: &'b [u8], records: &mut Vec<Record<'b>>) -> Result<(), Unparsable> {
    spend(&mut reader.records)?;
    let mut record = Record::default();
    let mut observed = 0;
    reader.each(bytes, |reader, number, field| {
        match (number, field) {
            (1, Field::Fixed64(time)) => record.time = time,
            (11, Field::Fixed64(time)) => observed = time,
            (5, Field::Bytes(any)) => {
                if let Some(Scalar::Text(text)) = reader.any(any)? {
                    record.body = Some(text);
                }
            }
            (6, Field::Bytes(pair)) => reader.pair(pair, &mut record.attributes)?,
            (12, Field::Bytes(name)) => record.name = Some(String::from_utf8_lossy(name)),
            _ => {}
        }
        Ok(())
    })?;
    if record.time == 0 {
        record.time = observed;
    }
    records.push(record);
    Ok(())
}

/// `name` (1) and `sum` (7); other kinds of metrics are of no interest.
fn metric<'b>(reader: &mut Reader, bytes: &'b [u8], points: &mut Vec<Point<'b>>) -> Result<(), Unparsable> {
    let (mut name, mut delta, first) = (Cow::Borrowed(""), false, points.len());
    reader.each(bytes, |reader, number, field| match (number, field) {
        (1, Field::Bytes(text)) => {
            name = String::from_utf8_lossy(text);
            Ok(())
        }
        (7, Field::Bytes(sum)) => reader.each(sum, |reader, number, field| {
            match (number, field) {
                (1, Field::Bytes(bytes)) => points.push(point(reader, bytes)?),
                (2, Field::Varint(temporality)) => delta = temporality == 1,
                _ => {}
            }
            Ok(())
        }),
        _ => Ok(()),
    })?;
    for point in &mut points[first..] {
        point.metric.clone_from(&name);
        point.delta = delta;
    }
    Ok(())
}

fn point<'b>(reader: &mut Reader, bytes: &'b [u8]) -> Result<Point<'b>, Unparsable> {
    spend(&mut reader.records)?;
    let mut point = Point::default();
    reader.each(bytes, |reader, number, field| {
        match (number, field) {
            (3, Field::Fixed64(time)) => point.time = time,
            (4, Field::Fixed64(bits)) => point.value = f64::from_bits(bits),
            #[expect(clippy::cast_precision_loss, reason = "a number is taken as near as it can be")]
            (6, Field::Fixed64(bits)) => point.value = bits.cast_signed() as f64,
            (7, Field::Bytes(pair)) => reader.pair(pair, &mut point.attributes)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(point)
}
