//! What there is to say of each setting: the comment above its field is the meaning, the unit stands beside it as
//! `x-unit`, and the default is what it is in settings that nobody has changed.

use serde::Serialize;
use serde_json::Value;
use wilco_infrastructure::postgres::PostgresOptions;
use wilco_infrastructure::sqlite;

use super::origin::Origin;
use super::own::schema;
use super::{Config, Loaded};

/// A setting, and what it is at present.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// Its name in the file and behind `--set`.
    pub name: String,
    /// Its name in the environment.
    pub variable: String,
    /// What it is for.
    pub meaning: String,
    /// What a number counts.
    pub unit: Option<String>,
    /// What it is when nobody says otherwise, in words.
    pub default: String,
    /// What it is at present; secrets are masked.
    pub value: Value,
    /// Where the present value comes from.
    #[serde(flatten)]
    pub origin: Origin,
}

/// All settings, as they are at present.
pub fn settings(loaded: &Loaded) -> Vec<Setting> {
    let mut schema = schema::<Config>();
    let json = |config: &Config| serde_json::to_value(config).unwrap_or_default();
    let mut values = (json(&loaded.config), json(&Config::of(loaded.name)));
    for section in &loaded.sections {
        schema["properties"][section.name] = (section.schema)();
        values.0[section.name] = loaded.config.own.shown(section.name);
        values.1[section.name] = (section.defaults)();
    }
    let mut settings = Vec::new();
    collect("", &schema, (&values.0, &values.1), loaded, &mut settings);
    // Those without a section stand first, as in a file.
    settings.sort_by_key(|setting| setting.name.contains('.'));
    settings
}

/// `values` are those of the present and the defaults.
fn collect(
    prefix: &str,
    schema: &Value,
    values: (&Value, &Value),
    loaded: &Loaded,
    settings: &mut Vec<Setting>,
) {
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let (full, value, default) = (format!("{prefix}{name}"), &values.0[name], &values.1[name]);
        if schema["properties"].is_object() {
            collect(&format!("{full}."), schema, (value, default), loaded, settings);
            continue;
        }
        let said = schema["description"].as_str().unwrap_or_default().split_whitespace();
        let said = said.collect::<Vec<_>>().join(" ");
        settings.push(Setting {
            variable: super::source::variable(loaded.name, &full),
            meaning: loaded.name.said(&said),
            unit: schema["x-unit"].as_str().map(str::to_owned),
            default: in_words(&full, default),
            value: value.clone(),
            origin: loaded.origins.get(&full).cloned().unwrap_or_default(),
            name: full,
        });
    }
}

/// Whether nothing is set.
pub fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// A default as people say it.
fn in_words(name: &str, default: &Value) -> String {
    if name == "engine.partitions" {
        let postgres = PostgresOptions::default().partitions;
        return format!("{} on SQLite, {postgres} on PostgreSQL", sqlite::DEFAULT_PARTITIONS);
    }
    match default {
        nothing if is_nothing(nothing) => "none".to_owned(),
        Value::Bool(yes) => (if *yes { "yes" } else { "no" }).to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, Place, load};

    fn defaults() -> Vec<Setting> {
        settings(&load(&Flags::default()).unwrap())
    }

    #[test]
    fn every_setting_says_what_it_is_for_and_what_it_counts() {
        let known: Vec<String> = super::super::source::names(&[]).into_iter().collect();
        let mut described: Vec<String> = defaults().into_iter().map(|setting| setting.name).collect();
        described.sort_unstable();
        assert_eq!(described, known, "what is described is what can be set");
        for setting in defaults() {
            assert!(!setting.meaning.is_empty() && !setting.default.is_empty(), "{setting:?}");
            let number = setting.value.is_number() || setting.name == "engine.partitions";
            assert_eq!(setting.unit.is_some(), number, "{setting:?}");
        }
    }

    #[test]
    fn a_default_is_said_as_people_say_it() {
        let said = |name: &str| defaults().into_iter().find(|setting| setting.name == name).unwrap().default;
        assert_eq!(said("engine.partitions"), "1 on SQLite, 8 on PostgreSQL");
        assert_eq!(said("engine.batch"), "500");
        assert_eq!(said("store"), "sqlite:wilco.db");
        assert_eq!([said("nats"), said("http.hosts"), said("http.base_path")], ["none"; 3]);
        assert_eq!([said("jetstream.enabled"), said("nats_login.tls")], ["yes", "no"]);
    }

    #[test]
    fn a_value_is_shown_with_its_place_and_a_secret_never() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        std::fs::write(&file, "drain_seconds = 5\n[nats_login]\nuser = \"me\"\npassword = \"hush\"\n")
            .unwrap();
        let value = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let values = vec![
            value("store", "postgres://me:hush@db/wilco?password=hush"),
            value("nats", "nats://hush@a:1"),
            value("engine.batch", "7"),
        ];
        let settings =
            settings(&load(&Flags { file: Some(file.clone()), values, ..Flags::default() }).unwrap());
        let find = |name: &str| settings.iter().find(|setting| setting.name == name).unwrap();
        let origin = |from, at: &str| Origin { from, at: Some(at.to_owned()) };
        assert_eq!(find("drain_seconds").origin, origin(Place::File, &file.display().to_string()));
        assert_eq!(find("engine.batch").origin, origin(Place::Flag, "--set engine.batch"));
        assert_eq!(find("store").origin, origin(Place::Flag, "--store"));
        assert_eq!(find("engine.lanes").origin, Origin::default());
        assert_eq!(find("store").value, "postgres://db/wilco");
        assert!(!format!("{}", serde_json::to_value(&settings).unwrap()).contains("hush"), "{settings:?}");
    }
}
