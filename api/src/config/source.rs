use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::origin::{Origin, Place};
use super::own::{OwnSettings, Section};
use super::{Config, Error};
use crate::Name;

const VARIABLES: &str = "variables";
const FLAGS: &str = "flags";
/// Variables that are not settings of the server: the client's address, and which file to read.
const OTHERS: [&str; 2] = ["url", "config"];

/// Settings with a flag of their own that takes a value.
const OWN_FLAGS: [&str; 3] = ["store", "listen", "nats"];

/// What the command line says about settings.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The program, whose variables and file count.
    pub name: Name,
    /// The file to read instead of `wilco.toml`; it must be there.
    pub file: Option<PathBuf>,
    /// Settings by name, with their values as text.
    pub values: Vec<(String, String)>,
    /// The sections of its modules.
    pub(crate) sections: Vec<Section>,
}

/// Settings that were read.
#[derive(Debug)]
pub struct Loaded {
    /// The program they are of.
    pub name: Name,
    /// They.
    pub config: Config,
    /// Where the values come from that are not the defaults.
    pub origins: BTreeMap<String, Origin>,
    /// Variables that look like settings and are none.
    pub unknown: Vec<String>,
    /// The sections of the program's modules.
    pub(super) sections: Vec<Section>,
}

/// Reads the settings and checks them.
pub fn load(flags: &Flags) -> Result<Loaded, Error> {
    let (name, known) = (flags.name, names(&flags.sections));
    let usual = name.file();
    let mut figment = defaults(name, &flags.sections);
    match &flags.file {
        Some(file) if !file.is_file() => return Err(Error::NoFile(file.clone())),
        Some(file) => figment = figment.merge(OfFile(file)),
        None if Path::new(&usual).is_file() => figment = figment.merge(OfFile(Path::new(&usual))),
        None => {}
    }
    let (settings, unknown) = variables(name, &known)?;
    figment = figment
        .merge(Named { place: VARIABLES, name: variable, program: name, values: &settings })
        .merge(Named { place: FLAGS, name: flag, program: name, values: &flags.values });
    let config = read(&figment, &flags.sections).map_err(|error| at_its_place(&figment, error))?;
    let origins = known.into_iter().filter_map(|name| origin(&figment, &name).map(|origin| (name, origin)));
    let sections = flags.sections.clone();
    Ok(Loaded { name, origins: origins.collect(), config, unknown, sections })
}

/// The settings of a program that was told these, and nothing else: neither file nor variables count.
#[cfg(feature = "testing")]
pub fn told(program: Name, sections: &[Section], values: &[(String, String)]) -> Result<Config, Error> {
    let figment = defaults(program, sections);
    read(&figment.merge(Named { place: FLAGS, name: flag, program, values }), sections)
}

fn defaults(name: Name, sections: &[Section]) -> Figment {
    let defaults = Figment::from(Serialized::defaults(Config::of(name)));
    sections.iter().fold(defaults, |figment, section| {
        figment.merge(Serialized::default(section.name, (section.defaults)()))
    })
}

fn read(figment: &Figment, sections: &[Section]) -> Result<Config, Error> {
    let wrong = |error| Error::Setting(Box::new(error));
    let known = outermost(sections);
    if let Some(name) =
        figment.extract::<Dict>().map_err(wrong)?.into_keys().find(|name| !known.contains(name))
    {
        return Err(Error::invalid(name, "there is no such setting"));
    }
    // Variables and flags are texts: `1` is a number where one is wanted, or yes, or a password.
    let mut config: Config = figment.extract_lossy().map_err(wrong)?;
    config.validate()?;
    config.own = OwnSettings::read(figment, sections)?;
    Ok(config)
}

/// Where the value of a setting comes from; `None` if it is the default.
fn origin(figment: &Figment, name: &str) -> Option<Origin> {
    let metadata = figment.find_metadata(name)?;
    let path: Vec<&str> = name.split('.').collect();
    let called = || metadata.interpolate(&Profile::Default, &path);
    let (from, at) = match (&*metadata.name, &metadata.source) {
        (VARIABLES, _) => (Place::Variable, called()),
        (FLAGS, _) => (Place::Flag, called()),
        (_, Some(figment::Source::File(file))) => (Place::File, file.display().to_string()),
        _ => return None,
    };
    Some(Origin { from, at: Some(at) })
}

/// Names the setting as it is called where its value comes from.
fn at_its_place(figment: &Figment, error: Error) -> Error {
    let Error::Invalid { name, problem } = error else { return error };
    let Some(metadata) = figment.find_metadata(&name) else { return Error::Invalid { name, problem } };
    let path: Vec<&str> = name.split('.').collect();
    let mut name = metadata.interpolate(&Profile::Default, &path);
    if let Some(source) = &metadata.source {
        name = format!("{name} in {source}");
    }
    Error::Invalid { name, problem }
}

pub(super) fn variable(name: Name, setting: &str) -> String {
    format!("{}{}", name.prefix(), setting.replace('.', "_").to_ascii_uppercase())
}

fn flag(_: Name, setting: &str) -> String {
    if OWN_FLAGS.contains(&setting) { format!("--{setting}") } else { format!("--set {setting}") }
}

/// Splits `NAME=VALUE`.
pub fn assignment(text: &str) -> Result<(String, String), Error> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err(Error::Assignment(text.to_owned())),
    }
}

/// The names of all settings, as in `engine.max_backlog`.
pub(super) fn names(sections: &[Section]) -> BTreeSet<String> {
    fn collect(prefix: &str, members: &Dict, names: &mut BTreeSet<String>) {
        for (name, value) in members {
            match value {
                Value::Dict(_, members) if !members.is_empty() => {
                    collect(&format!("{prefix}{name}."), members, names);
                }
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
    for section in sections {
        if let Ok(Value::Dict(_, members)) = Value::serialize((section.defaults)()) {
            collect(&format!("{}.", section.name), &members, &mut names);
        }
    }
    names
}

/// The names of all sections, and of all settings that stand in none.
pub(crate) fn outermost(sections: &[Section]) -> BTreeSet<String> {
    names(sections).iter().filter_map(|name| Some(name.split('.').next()?.to_owned())).collect()
}

/// The variables that are settings, by the setting's name, and the names of those that are not.
#[expect(clippy::type_complexity, reason = "two lists")]
fn variables(name: Name, known: &BTreeSet<String>) -> Result<(Vec<(String, String)>, Vec<String>), Error> {
    let prefix = name.prefix();
    let (mut settings, mut unknown) = (Vec::new(), Vec::new());
    for (variable, value) in std::env::vars_os() {
        let Some(variable) = variable.to_str() else { continue };
        let Some(rest) = variable.strip_prefix(&prefix) else { continue };
        let rest = rest.to_ascii_lowercase();
        let setting = known.iter().find(|name| name.replace('.', "_") == rest);
        let of_hook = rest.strip_prefix("hooks_").and_then(|rest| rest.strip_suffix("_secrets"));
        if let (None, Some(source), Some(value)) = (setting, of_hook, value.to_str()) {
            settings.push((format!("hooks.{}.secrets", source.replace('_', "-")), value.to_owned()));
            continue;
        }
        match (setting, value.to_str()) {
            (_, Some(value)) if value.trim().is_empty() => {}
            (Some(name), Some(value)) => settings.push((name.clone(), value.to_owned())),
            (Some(_), None) => return Err(Error::NotText(variable.to_owned())),
            (None, _) if OTHERS.contains(&rest.as_str()) => {}
            (None, _) => unknown.push(variable.to_owned()),
        }
    }
    Ok((settings, unknown))
}

/// A settings file. Neither its values nor its lines get into messages: they may hold a password.
struct OfFile<'a>(&'a Path);

impl Provider for OfFile<'_> {
    fn metadata(&self) -> Metadata {
        Toml::file_exact(self.0).metadata().interpolater(|_, path| path.join("."))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut data = Toml::file_exact(self.0).data().map_err(|mut error| {
            if let Kind::Message(text) = &error.kind {
                // The parser shows the line at fault between where it is and what is wrong with it.
                let quotes = |line: &&str| !line.contains(" |");
                error.kind = Kind::Message(text.lines().filter(quotes).collect::<Vec<_>>().join(": "));
            }
            error
        })?;
        data.values_mut().flat_map(Dict::values_mut).for_each(trim);
        Ok(data)
    }
}

fn trim(value: &mut Value) {
    match value {
        Value::String(_, text) => *text = text.trim().to_owned(),
        Value::Array(_, items) => items.iter_mut().for_each(trim),
        Value::Dict(_, members) => members.values_mut().for_each(trim),
        _ => {}
    }
}

/// Settings by name, with the place they come from, and their name there, for messages about wrong values.
struct Named<'a> {
    place: &'static str,
    name: fn(Name, &str) -> String,
    program: Name,
    values: &'a [(String, String)],
}

impl Provider for Named<'_> {
    fn metadata(&self) -> Metadata {
        let (name, program) = (self.name, self.program);
        Metadata::named(self.place).interpolater(move |_, path| name(program, &path.join(".")))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut data = Dict::new();
        for (name, value) in self.values {
            let value = Value::from(value.trim());
            put(&mut data, &path(name), value);
        }
        Ok(Map::from([(Profile::Default, data)]))
    }
}

/// The names of a setting, from the outermost section on. Those of activities have a full stop in them.
fn path(name: &str) -> Vec<String> {
    let name = name.replace('"', "");
    let parts: Vec<&str> = name.split('.').collect();
    match *parts {
        ["activity", home, verb, ref rest @ ..] if !rest.is_empty() => {
            let own = ["activity".to_owned(), format!("{home}.{verb}")];
            own.into_iter().chain(rest.iter().map(|part| (*part).to_owned())).collect()
        }
        _ => parts.into_iter().map(ToOwned::to_owned).collect(),
    }
}

fn put(data: &mut Dict, path: &[String], value: Value) {
    match path {
        [] => {}
        [name] => drop(data.insert(name.clone(), value)),
        [section, rest @ ..] => {
            let section = data.entry(section.clone()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, members) = section {
                put(members, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(values: &[(&str, &str)]) -> Flags {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Flags { values: values.iter().map(owned).collect(), ..Flags::default() }
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
    fn a_list_may_come_as_a_text_with_commas() {
        let flags = flags(&[("http.cors_origins", "https://a.example, https://b.example")]);
        let config = load(&flags).unwrap().config;
        assert_eq!(config.http.cors_origins, ["https://a.example", "https://b.example"]);
    }

    #[test]
    fn a_wrong_value_is_told_with_its_name_and_place() {
        let error = load(&flags(&[("engine.batch", "many")])).unwrap_err().to_string();
        assert!(error.contains("engine.batch") && error.contains("flags"), "{error}");
    }

    #[test]
    fn a_wrong_value_is_told_with_its_name_in_the_file_and_never_itself() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        for (text, wanted) in [
            ("insecure = \"maybe\"", "\"insecure\" in "),
            ("[engine]\nbatch = 0", "engine.batch in "),
            ("store = \"postgres://me:12/secret@host/db\"", "store in "),
            ("store = [\"postgres://me:secret@host/db\"]", "\"store\" in "),
            ("store = \"postgres://me:secret@host/db", "line 1"),
        ] {
            std::fs::write(&file, text).unwrap();
            let error =
                load(&Flags { file: Some(file.clone()), ..Flags::default() }).unwrap_err().to_string();
            assert!(error.contains(wanted) && error.contains("settings.toml"), "{error}");
            assert!(!error.contains("secret") && !error.contains("default."), "{error}");
        }
        let error = load(&flags(&[("engine.batch", "0")])).unwrap_err().to_string();
        assert!(error.starts_with("--set engine.batch: "), "{error}");
        let error = load(&flags(&[("listen", " ")])).unwrap_err().to_string();
        assert!(error.starts_with("--listen: "), "{error}");
    }

    #[test]
    fn white_space_around_a_value_is_none_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.toml");
        std::fs::write(
            &file,
            "store = \"sqlite:a.db\\n\"\n[http]\ncors_origins = [\" https://a.example\\n\"]\n",
        )
        .unwrap();
        let config =
            load(&Flags { file: Some(file), ..flags(&[("nats", " nats://a:1\n"), ("engine.batch", "7\n")]) });
        let config = config.unwrap().config;
        assert_eq!((config.store.secret(), config.engine.batch), ("sqlite:a.db", 7));
        assert_eq!(config.nats.unwrap().secret(), "nats://a:1");
        assert_eq!(config.http.cors_origins, ["https://a.example"]);
    }

    #[test]
    fn yes_and_no_have_many_names() {
        for (yes, no) in [("1", "0"), ("true", "false"), ("yes", "no"), ("on", "off"), ("True", "FALSE")] {
            assert!(load(&flags(&[("insecure", yes)])).unwrap().config.insecure, "{yes}");
            assert!(!load(&flags(&[("jetstream.enabled", no)])).unwrap().config.jetstream.enabled, "{no}");
        }
        assert!(load(&flags(&[("insecure", "2")])).is_err());
    }

    #[test]
    fn a_text_of_digits_is_a_text_where_one_is_wanted() {
        assert_eq!(load(&flags(&[("engine.source", "123")])).unwrap().config.engine.source, "123");
        assert_eq!(load(&flags(&[("engine.partitions", "3")])).unwrap().config.engine.partitions, Some(3));
    }

    #[test]
    fn every_setting_has_its_name() {
        let names = names(&[]);
        for name in ["store", "nats", "engine.max_backlog", "jetstream.storage", "log.level"] {
            assert!(names.contains(name), "{name}");
        }
        assert!(!names.contains("engine"));
    }
}
