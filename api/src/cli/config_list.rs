use clap::Args;

use super::client::Error;
use super::output;
use super::settings::Server;
use crate::config::{Loaded, Place, Setting, is_nothing, settings};

/// How to print the settings.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) server: Server,
}

impl Arguments {
    /// Prints what `wilco serve` would go by with the same flags, variables and file.
    pub fn print(&self, loaded: &Loaded) -> Result<(), Error> {
        let settings = settings(loaded);
        if self.json {
            let json = serde_json::to_string_pretty(&settings).map_err(std::io::Error::from)?;
            output::say(json)?;
        } else {
            settings.iter().try_for_each(|setting| output::say(line(setting)))?;
        }
        for variable in &loaded.unknown {
            output::note(format_args!("{variable}: no setting has this name"));
        }
        Ok(())
    }
}

fn line(setting: &Setting) -> String {
    let Setting { name, variable, meaning, unit, default, value, origin } = setting;
    let value = if is_nothing(value) { "none".to_owned() } else { value.to_string() };
    let at = origin.at.as_deref().unwrap_or_default();
    let place = match origin.from {
        Place::Default => "default".to_owned(),
        Place::File => format!("file {at}"),
        Place::Variable => format!("variable {at}"),
        Place::Flag => format!("flag {at}"),
    };
    let unit = unit.as_ref().map_or_else(String::new, |unit| format!(" {unit}"));
    format!("{name} = {value}{unit} ({place})\n    {meaning}\n    Default {default}. {variable}")
}
