//! Fields of records whose format is somebody else's: each takes what it can hold and is absent for anything else, so that
//! a field of another kind than expected never costs the line. Text is borrowed from the line where it has no escapes.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Text, or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

/// Texts: a list of them, or one alone, or none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Words<'a>(pub(crate) Vec<Text<'a>>);

/// A count, also written as `1.0` or `"1"`; or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Count(pub(crate) Option<u64>);

/// A number, also written as text; or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Number(pub(crate) Option<f64>);

/// True or false, or nothing.
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

/// The visits that a wrapper does not care for leave it absent.
macro_rules! absent {
    ($absent:expr; $($visit:ident: $kind:ty),*) => {$(
        fn $visit<E: serde::de::Error>(self, _: $kind) -> Result<Self::Value, E> {
            Ok($absent)
        }
    )*};
    ($absent:expr; unit) => {
        fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
            Ok($absent)
        }
    };
    ($absent:expr; seq) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok($absent)
        }
    };
    ($absent:expr; map) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok($absent)
        }
    };
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Take<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Take<'a> {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'a>, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }
            absent!(Text(None); visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);
            absent!(Text(None); unit);
            absent!(Text(None); seq);
            absent!(Text(None); map);
        }
        deserializer.deserialize_any(Take(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Take<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Take<'a> {
            type Value = Words<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Words<'a>, E> {
                Ok(Words(vec![Text(Some(Cow::Borrowed(text)))]))
            }
            fn visit_str<E>(self, text: &str) -> Result<Words<'a>, E> {
                Ok(Words(vec![Text(Some(Cow::Owned(text.to_owned())))]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Words<'a>, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = seq.next_element()? {
                    words.push(word);
                }
                Ok(Words(words))
            }
            absent!(Words::default(); visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);
            absent!(Words::default(); unit);
            absent!(Words::default(); map);
        }
        deserializer.deserialize_any(Take(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Take;
        impl<'de> Visitor<'de> for Take {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
                Ok(Number(Some(number).filter(|number| number.is_finite())))
            }
            #[expect(clippy::cast_precision_loss, reason = "a number is taken as near as it can be")]
            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(Some(number as f64)))
            }
            #[expect(clippy::cast_precision_loss, reason = "a number is taken as near as it can be")]
            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(Some(number as f64)))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                self.visit_f64(text.trim().parse().unwrap_or(f64::NAN))
            }
            absent!(Number(None); visit_bool: bool);
            absent!(Number(None); unit);
            absent!(Number(None); seq);
            absent!(Number(None); map);
        }
        deserializer.deserialize_any(Take)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Take;
        impl<'de> Visitor<'de> for Take {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Count, E> {
                Ok(Count(Some(number)))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Count, E> {
                Ok(Count(u64::try_from(number).ok()))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Count, E> {
                Ok(Count(whole(number)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Count, E> {
                let text = text.trim();
                Ok(Count(text.parse().ok().or_else(|| whole(text.parse().ok()?))))
            }
            absent!(Count(None); visit_bool: bool);
            absent!(Count(None); unit);
            absent!(Count(None); seq);
            absent!(Count(None); map);
        }
        deserializer.deserialize_any(Take)
    }
}

fn whole(number: f64) -> Option<u64> {
    if number.fract() != 0.0 || !(0.0..9e15).contains(&number) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and from 0 to 9e15, so exact in a u64"
    )]
    Some(number as u64)
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Take;
        impl<'de> Visitor<'de> for Take {
            type Value = Flag;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(Some(flag)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Flag, E> {
                Ok(Flag(text.parse().ok()))
            }
            absent!(Flag(None); visit_i64: i64, visit_u64: u64, visit_f64: f64);
            absent!(Flag(None); unit);
            absent!(Flag(None); seq);
            absent!(Flag(None); map);
        }
        deserializer.deserialize_any(Take)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Take<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Take<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(|value| Object(Some(value)))
            }
            absent!(Object(None); visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
            absent!(Object(None); unit);
            absent!(Object(None); seq);
        }
        deserializer.deserialize_any(Take(PhantomData))
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for List<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Take<'a, T>(PhantomData<(&'a (), T)>);
        impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for Take<'a, T> {
            type Value = List<'a, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<List<'a, T>, E> {
                Ok(List {
                    items: Vec::new(),
                    text: Some(Cow::Borrowed(text)),
                })
            }
            fn visit_str<E>(self, text: &str) -> Result<List<'a, T>, E> {
                Ok(List {
                    items: Vec::new(),
                    text: Some(Cow::Owned(text.to_owned())),
                })
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<'a, T>, A::Error> {
                let mut list = List::default();
                while let Some(item) = seq.next_element::<Object<T>>()? {
                    list.items.extend(item.0);
                }
                Ok(list)
            }
            absent!(List::default(); visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);
            absent!(List::default(); unit);
            absent!(List::default(); map);
        }
        deserializer.deserialize_any(Take(PhantomData))
    }
}
