//! A program: a name, and what it does commands to.

use schemars::JsonSchema;
use wilco_application::catalog::RegistrationError;
use wilco_domain::kernel::{Decider, title};

use crate::modules::{Module, Modules};

/// A program of that name, without any aggregates yet. The name is one lower-case word: settings are variables that
/// begin with it (`GYM_LISTEN`) and entries of `gym.toml`, data are kept in `gym.db`, notifications go to subjects that
/// begin with `gym.`.
pub fn program(name: &'static str) -> Program {
    Program { name: Name(name), version: env!("CARGO_PKG_VERSION"), modules: Ok(Vec::new()) }
}

/// What a program is called, in each of the places where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name(&'static str);

impl Default for Name {
    fn default() -> Self {
        Self::WILCO
    }
}

impl Name {
    /// The program that ships; texts that name a program are written for it.
    pub const WILCO: Self = Self("wilco");

    /// `gym`
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// `Gym`
    pub fn title(self) -> String {
        title(self.0)
    }

    /// What its variables begin with: `GYM_`.
    pub fn prefix(self) -> String {
        format!("{}_", self.upper())
    }

    /// Its settings file, in the folder that it is started in: `gym.toml`.
    pub fn file(self) -> String {
        format!("{}.toml", self.0)
    }

    /// `GYM`
    pub fn upper(self) -> String {
        self.0.to_ascii_uppercase()
    }

    /// A text that is written for the program that ships, as it is for this one.
    pub fn said(self, text: &str) -> String {
        if self == Self::WILCO {
            return text.to_owned();
        }
        text.replace("wilco", self.0).replace("WILCO", &self.upper()).replace("Wilco", &self.title())
    }

    /// Whether it can be all that.
    fn is_sound(self) -> bool {
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        self.0.starts_with(|c: char| c.is_ascii_lowercase())
            && self.0.len() <= 32
            && self.0.bytes().all(letters)
    }
}

/// See [`program`].
pub struct Program {
    name: Name,
    version: &'static str,
    modules: Result<Vec<Module>, RegistrationError>,
}

/// What a program is made of does not go together.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// A name is a word.
    #[error(
        "{0:?} cannot be the name of a program: lower-case letters and digits, at most 32, the first a letter"
    )]
    Name(&'static str),
    /// The aggregates break a convention, or clash.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
}

impl Program {
    /// With a decider whose resources live at `/v1/{collection}` and show its state; its commands are made at the
    /// routes that are usual: see [`Builder`](crate::modules::Builder).
    #[must_use]
    pub fn aggregate<T: Decider<Event: JsonSchema> + JsonSchema>(self, collection: &'static str) -> Self {
        self.module(Module::of::<T>(collection).finish())
    }

    /// With a module, whatever its routes and its view are.
    #[must_use]
    pub fn module(self, module: Result<Module, RegistrationError>) -> Self {
        self.modules(module.map(|module| vec![module]))
    }

    /// With these modules.
    #[must_use]
    pub fn modules(mut self, modules: Result<Vec<Module>, RegistrationError>) -> Self {
        self.modules = self.modules.and_then(|mut all| {
            all.extend(modules?);
            Ok(all)
        });
        self
    }

    /// What `--version` says, if not the version of Wilco.
    #[must_use]
    pub const fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// Its name.
    pub const fn name(&self) -> Name {
        self.name
    }

    pub(crate) const fn its_version(&self) -> &'static str {
        self.version
    }

    /// What it registers.
    ///
    /// # Errors
    /// When its name is no word, or its modules clash or break a convention.
    pub fn register(self) -> Result<Modules, ProgramError> {
        if !self.name.is_sound() {
            return Err(ProgramError::Name(self.name.as_str()));
        }
        Ok(Modules::new(self.name, self.modules?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_said_in_the_name_of_the_program() {
        let text = "`wilco config` reads wilco.toml and WILCO_STORE";
        assert_eq!(Name::WILCO.said(text), text);
        assert_eq!(Name("gym").said(text), "`gym config` reads gym.toml and GYM_STORE");
    }

    #[test]
    fn a_name_is_a_word() {
        for name in ["", "Gym", "my gym", "my-gym", "1gym"] {
            assert!(matches!(program(name).register(), Err(ProgramError::Name(_))), "{name}");
        }
        assert!(program("gym24").register().is_ok());
    }
}
