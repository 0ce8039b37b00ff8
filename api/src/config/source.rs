use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::{Config, Error};

/// The file that is read when it is there.
const FILE: &str = "wilco.toml";
const PREFIX: &str = "WILCO_";
/// Variables that are not settings of the server: the client's address, and which file to read.
const OTHERS: [&str; 2] = ["url", "config"];

/// What the command line says about settings.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The file to read instead of `wilco.toml`; it must be there.
    pub file: Option<PathBuf>,
    /// Settings by name, with their values as text.
    pub values: Vec<(String, String)>,
}

/// Settings that were read.
#[derive(Debug)]
pub struct Loaded {
    /// They.
    pub config: Config,
    /// Variables that look like settings and are none.
    pub unknown: Vec<String>,
}

/// Reads the settings and checks them.
pub fn load(flags: &Flags) -> Result<Loaded, Error> {
    let known = names();
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    match &flags.file {
        Some(file) if !file.is_file() => return Err(Error::NoFile(file.clone())),
        Some(file) => figment = figment.merge(Toml::file_exact(file)),
        None if Path::new(FILE).is_file() => figment = figment.merge(Toml::file_exact(FILE)),
        None => {}
    }
    let (settings, unknown) = variables(&known);
    figment = figment
        .merge(Named { place: "WILCO_ variables", values: &settings })
        .merge(Named { place: "flags", values: &flags.values });
    let config: Config = figment.extract().map_err(|error| Error::Setting(Box::new(error)))?;
    config.validate()?;
    Ok(Loaded { config, unknown })
}

/// Splits `NAME=VALUE`.
pub fn assignment(text: &str) -> Result<(String, String), Error> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err(Error::Assignment(text.to_owned())),
    }
}

/// The value that a text stands for: a number, a truth value, or the text itself.
fn read(text: &str) -> Value {
    if let Ok(number) = text.parse::<i64>() {
        return Value::from(number);
    }
    match text {
        "true" => Value::from(true),
        "false" => Value::from(false),
        _ => Value::from(text),
    }
}

/// The names of all settings, as in `engine.max_backlog`.
fn names() -> BTreeSet<String> {
    fn collect(prefix: &str, members: &Dict, names: &mut BTreeSet<String>) {
        for (name, value) in members {
            match value {
                Value::Dict(_, members) => collect(&format!("{name}."), members, names),
                _ => {
                    names.insert(format!("{prefix}{name}"));
                }
            }
        }
    }
    let mut names = BTreeSet::new();
    if let Ok(Value::Dict(_, members)) = Value::serialize(Config::default()) {
        collect("", &members, &mut names);
    }
    names
}

/// The variables that are settings, by the setting's name, and the names of those that are not.
fn variables(known: &BTreeSet<String>) -> (Vec<(String, String)>, Vec<String>) {
    let (mut settings, mut unknown) = (Vec::new(), Vec::new());
    for (variable, value) in std::env::vars_os() {
        let (Some(variable), Some(value)) = (variable.to_str(), value.to_str()) else { continue };
        let Some(rest) = variable.strip_prefix(PREFIX).filter(|_| !value.is_empty()) else { continue };
        let rest = rest.to_ascii_lowercase();
        match known.iter().find(|name| name.replace('.', "_") == rest) {
            Some(name) => settings.push((name.clone(), value.to_owned())),
            None if OTHERS.contains(&rest.as_str()) => {}
            None => unknown.push(variable.to_owned()),
        }
    }
    (settings, unknown)
}

/// Settings by name, with the place they come from for messages about wrong values.
struct Named<'a> {
    place: &'static str,
    values: &'a [(String, String)],
}

impl Provider for Named<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.place)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut data = Dict::new();
        for (name, value) in self.values {
            let value = read(value);
            let Some((section, name)) = name.split_once('.') else {
                data.insert(name.clone(), value);
                continue;
            };
            let section = data.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, members) = section {
                members.insert(name.to_owned(), value);
            }
        }
        Ok(Map::from([(Profile::Default, data)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(values: &[(&str, &str)]) -> Flags {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Flags { file: None, values: values.iter().map(owned).collect() }
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\ndrain_seconds = 5\n[engine]\nbatch = 7\n").unwrap();
        let flags = Flags { file: Some(file), ..flags(&[("listen", "[::1]:2"), ("engine.lanes", "3")]) };
        let config = load(&flags).unwrap().config;
        assert_eq!((config.listen.as_str(), config.drain_seconds), ("[::1]:2", 5));
        assert_eq!((config.engine.batch, config.engine.lanes, config.engine.cache), (7, 3, 50_000));
    }

    #[test]
    fn an_unknown_name_in_the_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        std::fs::write(&file, "[engine]\nbatches = 7\n").unwrap();
        let error = load(&Flags { file: Some(file), ..Flags::default() }).unwrap_err().to_string();
        assert!(error.contains("batches") && error.contains("settings.toml"), "{error}");
    }

    #[test]
    fn wrong_values_are_refused() {
        for wrong in
            [("engine.batch", "many"), ("engine.batch", "0"), ("nonsense", "1"), ("store", "mysql://x")]
        {
            assert!(load(&flags(&[wrong])).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn every_setting_has_its_name() {
        let names = names();
        for name in ["store", "nats", "engine.max_backlog", "jetstream.storage", "log.level"] {
            assert!(names.contains(name), "{name}");
        }
        assert!(!names.contains("engine"));
    }
}
