use std::str::FromStr;

/// A NATS subject with wildcards: `*` stands for one token, `>` at the end for one or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectFilter(Vec<String>);

/// The text is no subject.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a subject has tokens separated by dots, `*` for one token and `>` for the rest, at the end")]
pub struct FilterError;

impl FromStr for SubjectFilter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let tokens: Vec<String> = text.split('.').map(ToOwned::to_owned).collect();
        let last = tokens.len() - 1;
        let valid = |(at, token): (usize, &String)| match token.as_str() {
            "" => false,
            "*" => true,
            ">" => at == last,
            name => !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '*' || c == '>'),
        };
        if text.len() <= 512 && tokens.iter().enumerate().all(valid) {
            Ok(Self(tokens))
        } else {
            Err(FilterError)
        }
    }
}

impl SubjectFilter {
    /// Whether `subject` is one of those meant.
    pub fn matches(&self, subject: &str) -> bool {
        let mut tokens = subject.split('.');
        for wanted in &self.0 {
            match (wanted.as_str(), tokens.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (name, Some(token)) if name == token => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filter: &str, subject: &str) -> bool {
        filter.parse::<SubjectFilter>().unwrap().matches(subject)
    }

    #[test]
    fn wildcards_mean_what_they_mean_in_nats() {
        let subject = "wilco.command.failed.pet.reserve.p07";
        for filter in ["wilco.command.failed.>", ">", "wilco.*.failed.pet.*.p07", subject] {
            assert!(matches(filter, subject), "{filter}");
        }
        for filter in ["wilco.command.failed", "wilco.event.>", "wilco.command.failed.pet.reserve.p07.>", "*"]
        {
            assert!(!matches(filter, subject), "{filter}");
        }
    }

    #[test]
    fn what_is_no_subject_is_refused() {
        for text in ["", "a..b", "a.>.b", "a b", "a*", ".a"] {
            assert_eq!(text.parse::<SubjectFilter>(), Err(FilterError), "{text:?}");
        }
    }
}
