use std::sync::Arc;

use super::activity::ActivityType;
use super::command_type::Unchecked;
use super::hook::{Hook, PATIENCE};
use super::{CommandType, ProcessType, RegistrationError};

/// The process of an aggregate, and what goes with it, on its way into the catalog.
#[derive(Default)]
pub(super) struct Work {
    /// With its commands.
    pub(super) process: Option<(Arc<dyn ProcessType>, Vec<Unchecked>)>,
    pub(super) activities: Vec<Result<(ActivityType, CommandType), RegistrationError>>,
    pub(super) hooks: Vec<Hook>,
    /// Verbs of commands of which the target alone says which one it is.
    pub(super) keyed_by_target: Vec<&'static str>,
}

/// The same, checked.
pub(super) struct Checked {
    pub(super) process: Option<Arc<dyn ProcessType>>,
    pub(super) activities: Vec<ActivityType>,
    pub(super) hooks: Vec<(Hook, Arc<CommandType>)>,
    /// Those of the aggregate, of the process and of the activities.
    pub(super) commands: Vec<Arc<CommandType>>,
}

impl Work {
    /// With the commands of the aggregate, which only its process gives, if it has one.
    pub(super) fn check(
        self,
        aggregate: &'static str,
        mut commands: Vec<Unchecked>,
    ) -> Result<Checked, RegistrationError> {
        let Self { process, activities, hooks, keyed_by_target } = self;
        let process = process.map(|(process, own)| {
            for command in &mut commands {
                command.internal = true;
            }
            commands.extend(own.into_iter().map(|mut command| {
                command.process = Some(process.name());
                command.keyed_by_target = keyed_by_target.contains(&command.verb());
                if hooks.iter().any(|hook| hook.verb == command.verb()) {
                    (command.internal, command.patience) = (true, Some(PATIENCE));
                }
                command
            }));
            process
        });
        let commands = commands.into_iter().map(|command| command.compile().map(Arc::new));
        let mut commands: Vec<Arc<CommandType>> = commands.collect::<Result<_, _>>()?;
        let hooks = hooks.into_iter().map(|hook| Ok((hook, of_verb(&commands, aggregate, hook.verb)?)));
        let hooks = hooks.collect::<Result<_, RegistrationError>>()?;
        let (activities, own): (Vec<_>, Vec<_>) =
            activities.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        commands.extend(own.into_iter().map(Arc::new));
        Ok(Checked { process, activities, hooks, commands })
    }
}

/// The command of that verb of the process.
fn of_verb(
    commands: &[Arc<CommandType>],
    aggregate: &str,
    verb: &str,
) -> Result<Arc<CommandType>, RegistrationError> {
    let own = commands.iter().find(|command| command.process().is_some() && command.verb() == verb);
    own.cloned().ok_or_else(|| RegistrationError::NoCommand(format!("{aggregate}.{verb}")))
}
