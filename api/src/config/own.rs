//! Sections of the settings that are modules' own.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use figment::Figment;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Error;

/// What can be set of a module: a section of the settings that is its own, in the file, in variables and in flags like any other.
/// The comment above a member is what `config` prints of it, and says with `#[schemars(extend("x-unit" = "calls"))]` what a
/// number counts. With `#[serde(default, deny_unknown_fields)]` members may be left out, and a name that is none is refused.
pub trait ModuleSettings:
    Clone + Default + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static
{
    /// What the section is called: `payments`.
    const SECTION: &'static str;

    /// Checks each value that its type does not check.
    ///
    /// # Errors
    /// When one is out of its bounds.
    fn check(&self) -> Result<(), InvalidSetting> {
        Ok(())
    }
}

/// A value of a module's section is out of its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSetting {
    member: String,
    problem: String,
}

impl InvalidSetting {
    /// The member (`poll.factor`), and what it has to be (`a number from 1 to 1000`).
    pub fn new(member: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { member: member.into(), problem: problem.into() }
    }
}

/// A section without its type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(super) schema: fn() -> Value,
    pub(super) defaults: fn() -> Value,
    read: fn(&Figment) -> Result<Own, Error>,
}

/// What a section says.
#[derive(Clone)]
struct Own {
    value: Arc<dyn Any + Send + Sync>,
    /// The same as JSON.
    shown: Value,
}

/// What the sections of the program's modules say, by their names.
#[derive(Clone, Default)]
pub struct OwnSettings(BTreeMap<&'static str, Own>);

impl Section {
    pub(crate) fn of<S: ModuleSettings>() -> Self {
        Self { name: S::SECTION, schema: schema::<S>, defaults: || json(&S::default()), read: read::<S> }
    }
}

impl Own {
    fn of<S: ModuleSettings>(settings: S) -> Self {
        Self { shown: json(&settings), value: Arc::new(settings) }
    }
}

impl OwnSettings {
    pub(super) fn read(figment: &Figment, sections: &[Section]) -> Result<Self, Error> {
        sections
            .iter()
            .map(|section| Ok((section.name, (section.read)(figment)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// What a module is told; the default, where nothing was read for it.
    pub fn of<S: ModuleSettings>(&self) -> S {
        let own = self.0.get(S::SECTION).and_then(|own| own.value.downcast_ref::<S>());
        own.cloned().unwrap_or_default()
    }

    /// Tells a module something else.
    pub(crate) fn change<S: ModuleSettings>(&mut self, change: impl FnOnce(&mut S)) {
        let mut settings = self.of::<S>();
        change(&mut settings);
        self.0.insert(S::SECTION, Own::of(settings));
    }

    /// As JSON.
    pub(super) fn shown(&self, section: &str) -> Value {
        self.0.get(section).map_or(Value::Null, |own| own.shown.clone())
    }
}

impl fmt::Debug for OwnSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, own)| (name, &own.shown))).finish()
    }
}

/// With everything in its place: sections within sections.
pub(super) fn schema<T: JsonSchema>() -> Value {
    let inline = |settings: &mut SchemaSettings| settings.inline_subschemas = true;
    let generator = SchemaSettings::draft2020_12().with(inline).into_generator();
    generator.into_root_schema_for::<T>().to_value()
}

fn json<S: Serialize>(settings: &S) -> Value {
    serde_json::to_value(settings).unwrap_or_default()
}

fn read<S: ModuleSettings>(figment: &Figment) -> Result<Own, Error> {
    let settings: S = figment.extract_inner_lossy(S::SECTION).map_err(|mut error| {
        // The section's name is put behind those of its members.
        error.path.rotate_right(1);
        Error::Setting(Box::new(error))
    })?;
    settings.check().map_err(|InvalidSetting { member, problem }| Error::Invalid {
        name: format!("{}.{member}", S::SECTION),
        problem,
    })?;
    Ok(Own::of(settings))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::config::{Flags, Place, load, settings};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Locker {
        /// How many there are.
        #[schemars(extend("x-unit" = "lockers"))]
        count: u32,
        /// Where the keys hang.
        place: Option<String>,
    }

    impl Default for Locker {
        fn default() -> Self {
            Self { count: 12, place: None }
        }
    }

    impl ModuleSettings for Locker {
        const SECTION: &'static str = "locker";

        fn check(&self) -> Result<(), InvalidSetting> {
            if self.count > 0 { Ok(()) } else { Err(InvalidSetting::new("count", "one at least")) }
        }
    }

    fn flags(text: &str, values: &[(&str, &str)]) -> (Flags, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        std::fs::write(&file, text).unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let (values, sections) = (values.iter().map(owned).collect(), vec![Section::of::<Locker>()]);
        (Flags { file: Some(file), values, sections, ..Flags::default() }, folder)
    }

    #[test]
    fn a_modules_section_is_read_and_listed_like_any_other() {
        let (flags, _folder) = flags("[locker]\nplace = \" left \"\n", &[("locker.count", "30")]);
        let loaded = load(&flags).unwrap();
        assert_eq!(loaded.config.own.of::<Locker>(), Locker { count: 30, place: Some("left".to_owned()) });
        let listed = settings(&loaded);
        let count = listed.iter().find(|setting| setting.name == "locker.count").unwrap();
        assert_eq!((count.meaning.as_str(), count.unit.as_deref()), ("How many there are.", Some("lockers")));
        assert_eq!(
            (count.default.as_str(), &count.value, count.origin.from),
            ("12", &30.into(), Place::Flag)
        );
        assert_eq!(count.variable, "WILCO_LOCKER_COUNT");
    }

    #[test]
    fn what_is_wrong_with_a_section_is_told_with_its_place() {
        for (text, values, wanted) in [
            ("[locker]\ncounts = 1\n", &[][..], "counts"),
            ("[locker]\ncount = 0\n", &[], "locker.count in "),
            ("", &[("locker.count", "many")], "locker.count"),
            ("", &[("locker.count", "0")], "--set locker.count: one at least"),
            ("[lockers]\ncount = 1\n", &[], "lockers in "),
        ] {
            let (flags, _folder) = flags(text, values);
            let error = load(&flags).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn what_no_module_has_is_no_setting() {
        let (flags, _folder) = flags("[payments]\nprovider = \"https://a.example\"\n", &[]);
        let error = load(&flags).unwrap_err().to_string();
        assert!(error.contains("payments in ") && error.contains("no such setting"), "{error}");
    }
}
