use std::fmt;

use serde::de::value::EnumAccessDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, IntoDeserializer as _,
    MapAccess, VariantAccess, Visitor,
};

/// Reads `data` as the variant `name` of an enumeration: as if it were written `{name: data}`. An object without
/// members, or none that are known, is a variant without data.
pub(super) fn read<'de, C: DeserializeOwned, D: Deserializer<'de>>(
    name: &str,
    data: D,
) -> Result<C, D::Error> {
    C::deserialize(EnumAccessDeserializer::new(Tagged { name, data }))
}

struct Tagged<'n, D> {
    name: &'n str,
    data: D,
}

impl<'de, D: Deserializer<'de>> EnumAccess<'de> for Tagged<'_, D> {
    type Error = D::Error;
    type Variant = Data<D>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Data<D>), D::Error> {
        let name = seed.deserialize(self.name.into_deserializer())?;
        Ok((name, Data(self.data)))
    }
}

struct Data<D>(D);

impl<'de, D: Deserializer<'de>> VariantAccess<'de> for Data<D> {
    type Error = D::Error;

    fn unit_variant(self) -> Result<(), D::Error> {
        self.0.deserialize_map(Nothing)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, D::Error> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, D::Error> {
        Err(D::Error::custom("a command's data are members with names"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct("data", names, visitor)
    }
}

/// An object, whatever is in it.
struct Nothing;

impl<'de> Visitor<'de> for Nothing {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Command {
        Wrap(Inner),
        Name { first: String, last: Option<String> },
        Stop,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        count: u8,
    }

    fn from_text(name: &str, data: &str) -> Result<Command, serde_json::Error> {
        read(name, &mut serde_json::Deserializer::from_str(data))
    }

    #[test]
    fn each_kind_of_variant_is_read_from_texts_and_values() {
        for (name, data, command) in [
            ("wrap", json!({ "count": 1 }), Command::Wrap(Inner { count: 1 })),
            ("name", json!({ "first": "a" }), Command::Name { first: "a".into(), last: None }),
            ("stop", json!({}), Command::Stop),
        ] {
            assert_eq!(from_text(name, &data.to_string()).unwrap(), command);
            assert_eq!(read::<Command, _>(name, &data).unwrap(), command);
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        for (name, data) in [("wrap", "{}"), ("name", "[1]"), ("stop", "1"), ("go", "{}")] {
            assert!(from_text(name, data).is_err(), "{name} {data}");
        }
    }
}
