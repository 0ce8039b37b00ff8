//! What there is to say of each setting. The comment above a field is the source: its text up to `Default` is the
//! meaning, what follows the default; the unit stands beside it as `x-unit`.

use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::origin::Origin;
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
    let schema = schema();
    let values = serde_json::to_value(&loaded.config).unwrap_or_default();
    let mut settings = Vec::new();
    collect("", &schema, &values, loaded, &mut settings);
    // Those without a section stand first, as in a file.
    settings.sort_by_key(|setting| setting.name.contains('.'));
    settings
}

fn schema() -> Value {
    let inline = |settings: &mut SchemaSettings| settings.inline_subschemas = true;
    let generator = SchemaSettings::draft2020_12().with(inline).into_generator();
    generator.into_root_schema_for::<Config>().to_value()
}

fn collect(prefix: &str, schema: &Value, values: &Value, loaded: &Loaded, settings: &mut Vec<Setting>) {
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let (full, value) = (format!("{prefix}{name}"), &values[name]);
        if schema["properties"].is_object() {
            collect(&format!("{full}."), schema, value, loaded, settings);
            continue;
        }
        let said = schema["description"].as_str().unwrap_or_default().split_whitespace();
        let said = said.collect::<Vec<_>>().join(" ");
        let (meaning, default) = said.split_once(" Default ").unwrap_or((&said, ""));
        settings.push(Setting {
            variable: super::source::variable(loaded.name, &full),
            meaning: loaded.name.said(meaning),
            unit: schema["x-unit"].as_str().map(str::to_owned),
            default: loaded.name.said(default.trim_end_matches('.')),
            value: value.clone(),
            origin: loaded.origins.get(&full).cloned().unwrap_or_default(),
            name: full,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Name;
    use crate::config::Place;
    use crate::config::{Flags, load};
    use std::collections::BTreeMap;
    use wilco_infrastructure::postgres::PostgresOptions;

    fn defaults() -> Vec<Setting> {
        let loaded = Loaded {
            name: Name::WILCO,
            config: Config::default(),
            origins: BTreeMap::new(),
            unknown: Vec::new(),
        };
        settings(&loaded)
    }

    #[test]
    fn every_setting_says_what_it_is_for_and_what_it_counts() {
        let known: Vec<String> = super::super::source::names().into_iter().collect();
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
    fn the_documented_defaults_are_the_real_ones() {
        for Setting { name, default, value, .. } in defaults() {
            if name == "engine.partitions" {
                let (sqlite, postgres) =
                    (crate::bootstrap::SQLITE_PARTITIONS, PostgresOptions::default().partitions);
                assert_eq!(default, format!("{sqlite} on SQLite, {postgres} on PostgreSQL"));
                continue;
            }
            let documented = default.split(',').next().unwrap_or_default().trim_matches('`');
            let real = match &value {
                Value::Null => "none".to_owned(),
                Value::Array(items) if items.is_empty() => "none".to_owned(),
                Value::String(text) if text.is_empty() => "none".to_owned(),
                Value::Bool(yes) => (if *yes { "yes" } else { "no" }).to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(documented, real, "{name}");
        }
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
