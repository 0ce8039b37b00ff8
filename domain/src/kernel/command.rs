use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Problem;

/// What a command does to the existence of its aggregate. The engine holds it to that, so that no aggregate has to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Makes the aggregate, where there is none: the id may be left to the server, and a waited-for success is a 201.
    Creates,
    /// Changes an aggregate that exists.
    Changes,
    /// Ends an aggregate that exists: afterwards there is no resource to redirect to.
    Removes,
    /// Does not care whether the aggregate exists.
    Either,
}

/// Whether an aggregate is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    /// Nothing has happened to it yet.
    Absent,
    /// It is there.
    Present,
    /// It was there, and has ended.
    Gone,
}

impl Existence {
    /// Of an aggregate that has come to that version, and of which `is_gone` says whether it has ended.
    pub fn of(version: i64, is_gone: bool) -> Self {
        match (version, is_gone) {
            (0, _) => Self::Absent,
            (_, true) => Self::Gone,
            (_, false) => Self::Present,
        }
    }
}

impl Effect {
    /// Why a command of this effect cannot be done, as far as the existence of its aggregate is concerned.
    pub fn refused(self, aggregate_type: &str, existence: Existence) -> Option<Problem> {
        let name = aggregate_type.replace('_', " ");
        match (self, existence) {
            (Self::Either, _)
            | (Self::Creates, Existence::Absent)
            | (Self::Changes | Self::Removes, Existence::Present) => None,
            (_, Existence::Gone) => Some(Problem::new("gone", 410, format!("the {name} has been deleted"))),
            (Self::Creates, Existence::Present) => {
                let article = if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
                Some(Problem::new(
                    "already-exists",
                    409,
                    format!("there is {article} {name} with this id already"),
                ))
            }
            (_, Existence::Absent) => {
                Some(Problem::new("not-found", 404, format!("there is no {name} with this id")))
            }
        }
    }

    /// The slugs of the problems that [`refused`](Self::refused) may give.
    pub const fn problems(self) -> &'static [&'static str] {
        match self {
            Self::Creates => &["already-exists", "gone"],
            Self::Changes | Self::Removes => &["not-found", "gone"],
            Self::Either => &[],
        }
    }
}

/// What is known of a command besides its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandShape {
    /// The imperative verb, snake case: `reserve` makes the command type `pet.reserve`.
    pub verb: &'static str,
    /// What it does to the aggregate's existence.
    pub effect: Effect,
    /// The slugs of those of the aggregate's refusals that it may meet; `None`: any of them.
    pub fails: Option<&'static [&'static str]>,
}

/// Everything that an aggregate can be asked: written with [`commands`](crate::commands).
pub trait Commands: Serialize + DeserializeOwned + schemars::JsonSchema + Send + 'static {
    /// Each of them.
    const ALL: &'static [CommandShape];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_held_to_what_it_does() {
        use Existence::{Absent, Gone, Present};
        let slugs = |effect: Effect| {
            let refused = |existence| effect.refused("sea_otter", existence);
            [Absent, Present, Gone].map(|one| refused(one).map(|problem| problem.slug().to_owned()))
        };
        let said = |slug: &str| Some(slug.to_owned());
        assert_eq!(slugs(Effect::Creates), [None, said("already-exists"), said("gone")]);
        for effect in [Effect::Changes, Effect::Removes] {
            assert_eq!(slugs(effect), [said("not-found"), None, said("gone")]);
        }
        assert_eq!(slugs(Effect::Either), [None, None, None]);
    }

    #[test]
    fn a_refusal_names_the_aggregate() {
        let detail = |kind: &str| Effect::Creates.refused(kind, Existence::Present).unwrap().detail;
        assert_eq!(detail("bank_account"), "there is a bank account with this id already");
        assert_eq!(detail("otter"), "there is an otter with this id already");
    }
}
