//! Placeholder

use crate::problems::Refusal;

#[derive(Clone, Debug)]
pub(super) struct Fault {
    path: String,
}
impl Fault {
    pub(super) fn refusal(&self) -> Refusal {
        Refusal::malformed("x")
    }
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}
