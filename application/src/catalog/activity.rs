use wilco_domain::kernel::{Activity, Policy};

use super::command_type::Unchecked;
use super::{CommandType, RegistrationError, Undecodable, Variant, names, schema};
use crate::ports::Command;

/// A registered activity, without its type.
#[derive(Clone, Debug)]
pub struct ActivityType {
    /// Of its commands: `transaction.submit`.
    pub name: &'static str,
    /// What its settings are called.
    pub settings: &'static str,
    /// When it is tried again, where the settings do not say otherwise.
    pub policy: Policy,
    /// Whether one that was given up may be tried again by hand.
    pub by_hand: bool,
    pub(super) reads: fn(&Command) -> Result<(), Undecodable>,
}

impl ActivityType {
    /// With its command type, which only the engine and processes ask for.
    pub(super) fn of<A: Activity>() -> Result<(Self, CommandType), RegistrationError> {
        let Some((home, verb)) = A::TYPE.split_once('.') else {
            return Err(RegistrationError::Name(A::TYPE.to_owned()));
        };
        if !names::is_snake_case(home) {
            return Err(RegistrationError::Name(A::TYPE.to_owned()));
        }
        let schema = schema::whole::<A>();
        let text = schema["description"].as_str().unwrap_or_default().to_owned();
        let variant = Variant { name: verb.to_owned(), snake: verb.to_owned(), text, data: schema };
        let mut command = Unchecked::whole::<A>(home, variant);
        command.internal = true;
        let reads = |command: &Command| {
            let read: Result<A, _> = serde_json::from_str(&command.data);
            read.map(drop).map_err(|error| Undecodable(error.to_string()))
        };
        let activity =
            Self { name: A::TYPE, settings: A::SETTINGS, policy: A::policy(), by_hand: A::BY_HAND, reads };
        Ok((activity, command.compile()?))
    }

    /// Whether a stored command for it can be read.
    pub fn reads_command(&self, command: &Command) -> Result<(), Undecodable> {
        (self.reads)(command)
    }
}
