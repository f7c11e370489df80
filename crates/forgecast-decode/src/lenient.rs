//! Values whose format is somebody else's: a number that may be text, text that may be a number, `1.0` for an integer, `1`
//! for true. Each reader takes what it can hold and is absent for anything else, so that a field of another kind than
//! expected never costs the fields beside it.
//!
//! The functions of [`Scalar`] hold the rules. The types around it are fields of records that serde reads; they borrow
//! text from the input where it has no escapes.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// A value that is neither a list nor an object nor null.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// Text, as it was written.
    Text(Cow<'a, str>),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// True or false.
    Flag(bool),
}

impl<'a> Scalar<'a> {
    /// The scalar in a value; `None` for null, lists and objects.
    #[must_use]
    pub fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(Cow::Borrowed(text))),
            Value::Bool(flag) => Some(Self::Flag(*flag)),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => Some(Self::Int(whole)),
                None => number.as_f64().map(Self::Float),
            },
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// A finite number, also written as text and with a percent sign.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a number is taken as near as it can be")]
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Text(text) => text.trim().trim_end_matches('%').trim_end().parse().ok(),
            Self::Flag(_) => None,
        }
        .filter(|number: &f64| number.is_finite())
    }

    /// A whole number, also written as `1.0` or `"1"`. Beyond the range of 64 bits it is none.
    #[must_use]
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Int(number) => return Some(*number),
            Self::Text(text) => {
                if let Ok(number) = text.trim().parse::<i64>() {
                    return Some(number);
                }
            }
            Self::Float(_) | Self::Flag(_) => {}
        }
        let number = self.number()?;
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 9e15, so exact")]
        (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
    }

    /// A whole number of at least 0, also written as `1.0` or `"1"`.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        self.integer().and_then(|number| number.try_into().ok())
    }

    /// True or false, also written as 1 and 0 or as text: `true`, `yes`, `1`, `false`, `no`, `0` in any case.
    #[must_use]
    pub fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "1" => Some(true),
                "false" | "no" | "0" => Some(false),
                _ => None,
            },
            Self::Int(_) | Self::Float(_) => match self.number() {
                Some(1.0) => Some(true),
                Some(0.0) => Some(false),
                _ => None,
            },
        }
    }
}

/// Text, or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

/// Texts: a list of them, or one alone, or none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Words<'a>(pub(crate) Vec<Text<'a>>);

/// A count ([`Scalar::count`]), or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Count(pub(crate) Option<u64>);

/// A whole number with a sign ([`Scalar::integer`]), or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Integer(pub(crate) Option<i64>);

/// A number ([`Scalar::number`]), or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Number(pub(crate) Option<f64>);

/// True or false ([`Scalar::flag`]), or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Flag(pub(crate) Option<bool>);

/// An object, or nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Object<T>(pub(crate) Option<T>);

/// A list of objects, or text in its place, or nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct List<'a, T> {
    pub(crate) items: Vec<T>,
    pub(crate) text: Option<Cow<'a, str>>,
}

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for List<'_, T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            text: None,
        }
    }
}

impl<'a> Text<'a> {
    /// The text, unless it is empty.
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }

    /// Whether it is exactly this.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.0.as_deref() == Some(word)
    }

    pub(crate) fn owned(&self) -> Option<String> {
        self.get().map(str::to_owned)
    }
}

impl Words<'_> {
    /// As one would type it; of a shell that is given a script (`bash -lc …`) the script.
    pub(crate) fn as_command(&self) -> Option<Cow<'_, str>> {
        let words: Vec<&str> = self.0.iter().filter_map(Text::get).collect();
        match words.as_slice() {
            [] => None,
            [one] => Some(Cow::Borrowed(*one)),
            [shell, flags, script] if shell.ends_with("sh") && flags.starts_with('-') && flags.ends_with('c') => {
                Some(Cow::Borrowed(*script))
            }
            words => Some(Cow::Owned(words.join(" "))),
        }
    }
}

impl Count {
    /// The count; nothing is 0.
    pub(crate) fn or_zero(self) -> u64 {
        self.0.unwrap_or(0)
    }
}

impl Flag {
    pub(crate) fn is_set(self) -> bool {
        self.0 == Some(true)
    }
}

/// What becomes of a value, whatever it is; the default of the type for what is not overridden.
trait FromAny<'de>: Default {
    fn from_scalar(_: Scalar<'de>) -> Self {
        Self::default()
    }

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

struct AnyVisitor<T>(PhantomData<T>);

impl<'de, T: FromAny<'de>> Visitor<'de> for AnyVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Flag(flag)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Int(number)))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "beyond 63 bits a number is taken as near as it can be"
    )]
    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        let scalar = i64::try_from(number).map_or(Scalar::Float(number as f64), Scalar::Int);
        Ok(T::from_scalar(scalar))
    }

    fn visit_f64<E>(self, number: f64) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Float(number)))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::from_scalar(Scalar::Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::from_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_map(map)
    }
}

macro_rules! deserialize_any {
    ($([$($generics:tt)*] $name:ty;)*) => {$(
        impl<$($generics)*> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(AnyVisitor(PhantomData))
            }
        }
    )*};
}

deserialize_any! {
    ['de: 'a, 'a] Text<'a>;
    ['de: 'a, 'a] Words<'a>;
    ['de] Count;
    ['de] Integer;
    ['de] Number;
    ['de] Flag;
    ['de, T: Deserialize<'de>] Object<T>;
    ['de: 'a, 'a, T: Deserialize<'de>] List<'a, T>;
}

impl<'de: 'a, 'a> FromAny<'de> for Text<'a> {
    fn from_scalar(scalar: Scalar<'de>) -> Self {
        match scalar {
            Scalar::Text(text) => Self(Some(text)),
            Scalar::Int(_) | Scalar::Float(_) | Scalar::Flag(_) => Self(None),
        }
    }
}

impl<'de: 'a, 'a> FromAny<'de> for Words<'a> {
    fn from_scalar(scalar: Scalar<'de>) -> Self {
        let word = Text::from_scalar(scalar);
        Self(word.0.is_some().then_some(word).into_iter().collect())
    }

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = list.next_element()? {
            words.push(word);
        }
        Ok(Self(words))
    }
}

macro_rules! from_scalar {
    ($($name:ident: $read:ident;)*) => {$(
        impl<'de> FromAny<'de> for $name {
            fn from_scalar(scalar: Scalar<'de>) -> Self {
                Self(scalar.$read())
            }
        }
    )*};
}

from_scalar! {
    Count: count;
    Integer: integer;
    Number: number;
    Flag: flag;
}

impl<'de, T: Deserialize<'de>> FromAny<'de> for Object<T> {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|value| Self(Some(value)))
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> FromAny<'de> for List<'a, T> {
    fn from_scalar(scalar: Scalar<'de>) -> Self {
        Self {
            items: Vec::new(),
            text: Text::from_scalar(scalar).0,
        }
    }

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Object<T>>()? {
            items.extend(item.0);
        }
        Ok(Self { items, text: None })
    }
}
