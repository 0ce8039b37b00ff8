use serde::Serialize;

/// Where a value comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// What kind of place that is.
    pub from: Place,
    /// Its name: of the flag, of the variable, of the file.
    pub at: Option<String>,
}

/// Kinds of places, those that count least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Nobody said anything.
    #[default]
    Default,
    /// A settings file.
    File,
    /// The environment.
    Variable,
    /// The command line.
    Flag,
}
