//! JSON as it is taken at the door: a NUL in a string (no store keeps it) and a member named twice (two readers of
//! it may see two things) are refused, with a pointer to them.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use wilco_domain::kernel::FieldError;

use crate::problems::Refusal;

/// Whether a content type is JSON in UTF-8: by its own name, or as some vendor's. What else ends in `+json` means
/// something that is not meant here: `merge-patch+json` a part of a resource, `problem+json` an error.
pub(crate) fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let (json, vendor) = ("application/json", "application/vnd.");
    let begins = essence.get(..vendor.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(vendor));
    let ends = essence.len().checked_sub(5).and_then(|at| essence.get(at..));
    let is_vendors = begins && ends.is_some_and(|end| end.eq_ignore_ascii_case("+json"));
    (essence.eq_ignore_ascii_case(json) || is_vendors) && in_utf8(parts)
}

/// Whether the parameters of a content type leave it in UTF-8.
pub(crate) fn in_utf8<'a>(parameters: impl Iterator<Item = &'a str>) -> bool {
    parameters.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

/// Reads JSON.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Refusal> {
    let fault = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { fault: &fault }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value));
    value.map_err(|error| match fault.into_inner() {
        Some(Fault { pointer, detail }) => {
            let mut problem = Refusal::malformed(format!("{pointer}: {detail}")).into_problem();
            problem = problem.field(pointer, detail);
            Refusal::of(problem)
        }
        None => Refusal::malformed(format!("the body is not JSON as it is taken here: {error}")),
    })
}

/// What [`Strict`] refuses; the pointer grows from its end while the error passes the levels it is nested in.
struct Fault {
    pointer: String,
    detail: &'static str,
}

const NUL: &str = "has a NUL character";
const TWICE: &str = "is there twice";

#[derive(Clone, Copy)]
struct Strict<'a> {
    fault: &'a RefCell<Option<Fault>>,
}

impl Strict<'_> {
    fn refuse<E: Error>(self, pointer: String, detail: &'static str) -> E {
        *self.fault.borrow_mut() = Some(Fault { pointer, detail });
        E::custom(detail)
    }

    fn text<E: Error>(self, text: &str) -> Result<(), E> {
        if text.contains('\0') { Err(self.refuse(String::new(), NUL)) } else { Ok(()) }
    }

    fn inside(self, segment: impl FnOnce() -> String) {
        if let Some(fault) = &mut *self.fault.borrow_mut() {
            fault.pointer.insert_str(0, &segment());
        }
    }
}

/// A member's name as a segment of a pointer; a NUL in it must not come back in the answer.
fn segment(name: &str) -> String {
    let name: String = name.chars().take(128).collect();
    format!("/{}", FieldError::segment(&name).replace('\0', "\u{fffd}"))
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.text(text)?;
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        self.text(&text)?;
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        loop {
            match items.next_element_seed(self) {
                Ok(Some(item)) => array.push(item),
                Ok(None) => return Ok(Value::Array(array)),
                Err(error) => {
                    self.inside(|| format!("/{}", array.len()));
                    return Err(error);
                }
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.contains('\0') {
                return Err(self.refuse(segment(&name), NUL));
            }
            if object.contains_key(&name) {
                return Err(self.refuse(segment(&name), TWICE));
            }
            match members.next_value_seed(self) {
                Ok(value) => object.insert(name, value),
                Err(error) => {
                    self.inside(|| segment(&name));
                    return Err(error);
                }
            };
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(text: &str) -> Option<String> {
        let problem = parse(text.as_bytes()).unwrap_err().into_problem();
        problem.errors.first().map(|error| error.pointer.clone())
    }

    #[test]
    fn what_is_taken_comes_out_as_it_went_in() {
        let text = r#"{"a":[1,-2,1.5,true,null,"é\n"],"b":{"":{}}}"#;
        assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn nul_characters_and_repeated_members_are_pointed_at() {
        assert_eq!(pointer(r#"{"a":{"b":[0,"x\u0000"]}}"#).as_deref(), Some("/a/b/1"));
        assert_eq!(pointer(r#"{"a":{"b":1,"b":2}}"#).as_deref(), Some("/a/b"));
        assert_eq!(pointer(r#"{"a/b":1,"a\u002fb":1}"#).as_deref(), Some("/a~1b"));
        assert_eq!(pointer(r#"{"a\u0000":1}"#).as_deref(), Some("/a\u{fffd}"));
        assert_eq!(pointer(r#""\u0000""#).as_deref(), Some(""));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in ["", "{", "{} {}", "{'a':1}", "[1,]", "1e400", "nan", "\u{feff}{}", r#""\ud800""#] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().into_problem().status, 400, "{text}");
        }
        assert!(parse(b"\"\xff\"").is_err());
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn json_goes_by_several_names() {
        for name in ["application/json", "Application/JSON; charset=UTF-8", "application/vnd.pet+json"] {
            assert!(is_json(name), "{name}");
        }
        for name in [
            "text/plain",
            "application/jsonx",
            "json",
            "+json",
            "application/json; charset=latin1",
            "application/merge-patch+json",
            "application/json-patch+json",
            "application/problem+json",
            "application/vnd.pet",
        ] {
            assert!(!is_json(name), "{name}");
        }
    }
}
