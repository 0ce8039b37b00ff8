use cqrs_es::Aggregate;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// What a command does to the existence of its aggregate; it decides how a success is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Makes the aggregate: the id may be left to the server, and a waited-for success is a 201.
    Creates,
    /// Changes an aggregate that exists.
    Changes,
    /// Ends the aggregate: afterwards there is no resource to redirect to.
    Removes,
}

/// One command type of an aggregate: a struct whose fields are the command's `data`.
///
/// Put `#[serde(deny_unknown_fields)]` on the struct; its JSON Schema is what the door checks, so field
/// limits belong into `#[schemars(…)]` attributes. Rules that need the aggregate's state belong into the
/// aggregate's `handle`.
pub trait CommandKind<A: Aggregate>: DeserializeOwned + JsonSchema + Into<A::Command> + 'static {
    /// The imperative verb, snake case: `reserve` makes the command type `pet.reserve`.
    const VERB: &'static str;
    /// What it does to the aggregate's existence.
    const EFFECT: Effect = Effect::Changes;
}

/// Lists the command structs of an aggregate: each becomes a variant of its command enum and a [`CommandKind`].
///
/// ```text
/// command_kinds! { Pet, PetCommand:
///     CreatePet => Create, "create", Creates;
///     ReservePet => Reserve, "reserve", Changes;
/// }
/// ```
#[macro_export]
macro_rules! command_kinds {
    ($aggregate:ident, $enum:ident: $($struct:ident => $variant:ident, $verb:literal, $effect:ident;)*) => {$(
        impl From<$struct> for $enum {
            fn from(command: $struct) -> Self {
                Self::$variant(command)
            }
        }
        impl $crate::kernel::CommandKind<$aggregate> for $struct {
            const VERB: &'static str = $verb;
            const EFFECT: $crate::kernel::Effect = $crate::kernel::Effect::$effect;
        }
    )*};
}
