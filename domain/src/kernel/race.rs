use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Several things of which the first to come decides (a message, an answer, a deadline, a cancellation), as part of what a
/// [process](super::Process) knows.
///
/// An instance hears of one thing after the other, so that there is one winner. What comes later is counted, and is to change
/// nothing; timers that have lost are for the process to [stop](super::Then::stop), and what it has called for
/// [is not wanted](super::Process::still_wants) any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Race<B> {
    winner: Option<B>,
    late: u32,
}

impl<B> Default for Race<B> {
    fn default() -> Self {
        Self { winner: None, late: 0 }
    }
}

impl<B> Race<B> {
    /// Something has come that decides: whether it is the first.
    pub fn is_won_by(&mut self, branch: B) -> bool {
        if self.winner.is_some() {
            self.late = self.late.saturating_add(1);
            return false;
        }
        self.winner = Some(branch);
        true
    }

    /// What came first, if anything has come.
    pub const fn winner(&self) -> Option<&B> {
        self.winner.as_ref()
    }

    /// How much came after that.
    pub const fn late(&self) -> u32 {
        self.late
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_wins_and_the_others_are_late(branches: Vec<u8>) {
            let mut race = Race::default();
            let won: Vec<u8> = branches.iter().copied().filter(|branch| race.is_won_by(*branch)).collect();
            prop_assert_eq!(&won[..], branches.get(..1).unwrap_or_default());
            prop_assert_eq!(race.winner(), branches.first());
            prop_assert_eq!(race.late() as usize, branches.len().saturating_sub(1));
        }
    }
}
