//! Reading JSON that others wrote: numbers in strings, `NaN`, missing and unknown fields, broken UTF-8.

use std::fmt;

use compact_str::CompactString;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};

use serde_json::de::StrRead;

use crate::model::{
    backend::{Backend, ErrorKind, SourceError},
    labels::Labels,
    series::Sample,
    time::Timestamp,
};

/// Decodes a body. Invalid UTF-8 becomes U+FFFD; what is not JSON is told in the reader's words.
///
/// # Errors
/// [`ErrorKind::Decode`] naming `what`, and whether it was HTML, cut short or of another shape.
pub fn decode<T: DeserializeOwned>(backend: Backend, what: &str, body: &[u8]) -> Result<T, SourceError> {
    match std::str::from_utf8(body) {
        Ok(text) => decode_text(backend, what, text),
        // Looks at each byte, which takes longer than to see that nothing is wrong.
        Err(_) => decode_text(backend, what, &String::from_utf8_lossy(body)),
    }
}

/// Decodes what is known to be text.
///
/// # Errors
/// As [`decode`].
pub fn decode_text<'t, T: Deserialize<'t>>(backend: Backend, what: &str, text: &'t str) -> Result<T, SourceError> {
    serde_json::from_str(text).map_err(|e| unread(backend, what, text, &e))
}

/// Decodes the documents that a body consists of, one after another, by what may hand on what it reads. Gives back the first
/// thing that is told.
///
/// # Errors
/// As [`decode`].
pub fn decode_all<V>(
    backend: Backend,
    what: &str,
    body: &[u8],
    mut one: impl FnMut(&mut serde_json::Deserializer<StrRead<'_>>) -> Result<Option<V>, serde_json::Error>,
) -> Result<Option<V>, SourceError> {
    let text = String::from_utf8_lossy(body);
    let mut reader = serde_json::Deserializer::from_str(&text);
    let mut told = None;
    loop {
        told = told.or(one(&mut reader).map_err(|e| unread(backend, what, &text, &e))?);
        if reader.end().is_ok() {
            return Ok(told);
        }
    }
}

/// A list that is handed on one by one; `null` is an empty one.
pub struct Each<'f, T>(pub &'f mut dyn FnMut(T));

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Each<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Each<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(one) = seq.next_element()? {
            (self.0)(one);
        }
        Ok(())
    }
}

/// What is wrong with a text that is not what it should be.
fn unread(backend: Backend, what: &str, text: &str, e: &serde_json::Error) -> SourceError {
    let why = if text.is_empty() {
        "is empty".to_owned()
    } else if text.trim_ascii_start().starts_with('<') {
        format!("is HTML, not JSON: {}", super::http::error_text(text.as_bytes()))
    } else if e.is_eof() {
        format!("ends in the middle, after {} bytes", text.len())
    } else {
        format!("cannot be read: {e}")
    };
    SourceError::new(backend, ErrorKind::Decode, format!("the answer to {what} {why}"))
}

/// Accepts `null` where a default is meant.
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(d: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

/// Text, or any scalar as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub CompactString);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_str<E>(self, v: &str) -> Result<Text, E> {
                Ok(Text(v.into()))
            }
            fn visit_bool<E>(self, v: bool) -> Result<Text, E> {
                Ok(Text(if v { "true" } else { "false" }.into()))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Text, E> {
                Ok(Text(v.to_string().into()))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Text, E> {
                Ok(Text(v.to_string().into()))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Text, E> {
                Ok(Text(v.to_string().into()))
            }
            fn visit_unit<E>(self) -> Result<Text, E> {
                Ok(Text::default())
            }
        }
        d.deserialize_any(V)
    }
}

/// A float as a number or as a string: `"1e+00"`, `"NaN"`, `"+Inf"`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Float(pub f64);

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Float;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a number in quotes")
            }
            fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Float, E> {
                v.parse().map(Float).map_err(|_| E::custom(format_args!("{v:?} is no number")))
            }
            fn visit_i64<E>(self, v: i64) -> Result<Float, E> {
                Ok(Float(v as f64))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Float, E> {
                Ok(Float(v as f64))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Float, E> {
                Ok(Float(v))
            }
        }
        d.deserialize_any(V)
    }
}

/// A 64-bit integer as a number or, beyond 2^53, as a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Integer(pub i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = Integer;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer or an integer in quotes")
            }
            fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Integer, E> {
                match v.parse::<i64>() {
                    Ok(n) => Ok(Integer(n)),
                    Err(_) => v.parse::<u64>().map(saturated).map_err(|_| E::custom(format_args!("{v:?} is no integer"))),
                }
            }
            fn visit_i64<E>(self, v: i64) -> Result<Integer, E> {
                Ok(Integer(v))
            }
            fn visit_u64<E>(self, v: u64) -> Result<Integer, E> {
                Ok(saturated(v))
            }
            fn visit_f64<E>(self, v: f64) -> Result<Integer, E> {
                Ok(Integer(v as i64))
            }
        }
        d.deserialize_any(V)
    }
}

fn saturated(v: u64) -> Integer {
    Integer(i64::try_from(v).unwrap_or(i64::MAX))
}

/// A flat object of scalars as a label set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelMap(pub Labels);

impl<'de> Deserialize<'de> for LabelMap {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct V;
        impl<'de> Visitor<'de> for V {
            type Value = LabelMap;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of labels")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LabelMap, A::Error> {
                let mut pairs: Vec<(CompactString, CompactString)> = Vec::with_capacity(map.size_hint().unwrap_or(2).min(64));
                while let Some((Text(name), Text(value))) = map.next_entry()? {
                    pairs.push((name, value));
                }
                Ok(LabelMap(pairs.into_iter().collect()))
            }
            fn visit_unit<E>(self) -> Result<LabelMap, E> {
                Ok(LabelMap::default())
            }
        }
        d.deserialize_any(V)
    }
}

/// `[seconds, "value"]` with the time rounded to milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point(pub Sample);

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let (Float(at), Float(value)) = Deserialize::deserialize(d)?;
        Ok(Self(Sample { at: Timestamp::from_secs_f64(at), value }))
    }
}

/// An instant in RFC 3339. Go's zero time, and what cannot be read, is no instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instant(pub Option<Timestamp>);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text: String = nullable(d)?;
        Ok(Self(parse_rfc3339(&text)))
    }
}

/// An instant between the years 1677 and 2262, in RFC 3339.
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt().map(Timestamp)
}
