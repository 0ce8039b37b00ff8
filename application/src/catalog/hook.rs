use chrono::TimeDelta;
use serde_json::{Map, Value};

/// How messages of a third party become commands: they come signed to `/v1/hooks/{source}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Who sends them: `payment-provider`.
    pub source: &'static str,
    /// The verb of the command, `hear`. Only messages ask for it, and it waits a day for what it is for.
    pub verb: &'static str,
    /// The member of the message that says what it is for.
    pub target: &'static str,
    /// The members of the message that are the command's data.
    pub data: &'static [&'static str],
}

/// For how long a message waits for what it is about.
pub(super) const PATIENCE: TimeDelta = TimeDelta::hours(24);

/// A message cannot be made a command of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct NotUnderstood {
    /// The member at fault, a JSON Pointer; empty: the whole.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl NotUnderstood {
    /// This is wrong with that member.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

impl Hook {
    /// The target and the data of the command that a message means. Members that it does not know are none of it.
    pub fn read(&self, message: &Value) -> Result<(String, Value), NotUnderstood> {
        let members = message.as_object().ok_or_else(|| NotUnderstood::at("", "not a JSON object"))?;
        let needed = |name: &str| {
            let member = members.get(name).filter(|member| !member.is_null());
            member.ok_or_else(|| NotUnderstood::at(format!("/{name}"), "is needed"))
        };
        let target = needed(self.target)?.as_str();
        let target = target.ok_or_else(|| NotUnderstood::at(format!("/{}", self.target), "not a text"))?;
        let data = self.data.iter().map(|name| Ok(((*name).to_owned(), needed(name)?.clone())));
        Ok((target.to_owned(), Value::Object(data.collect::<Result<Map<_, _>, _>>()?)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const HOOK: Hook = Hook { source: "bank", verb: "hear", target: "payment", data: &["status"] };

    #[test]
    fn a_message_says_what_it_is_about_and_what_it_says() {
        let message = json!({ "payment": "p-1", "status": "done", "more": 1 });
        assert_eq!(HOOK.read(&message), Ok(("p-1".to_owned(), json!({ "status": "done" }))));
        for odd in
            [json!([]), json!({ "payment": "p-1" }), json!({ "payment": 1, "status": "done" }), json!(null)]
        {
            assert!(HOOK.read(&odd).is_err(), "{odd}");
        }
    }
}
