//! Entity tags, and the preconditions made of them (RFC 9110, 8.8.3 and 13.1).

use axum::http::{HeaderMap, HeaderName, StatusCode, header};

use crate::problems::Refusal;

/// An entity tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    weak: bool,
    opaque: String,
}

/// What `If-Match` or `If-None-Match` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    /// `*`: whatever there is.
    Any,
    /// One of these.
    Listed(Vec<Tag>),
}

/// What a request demands of the state its resource is in.
#[derive(Clone, Debug)]
pub(crate) struct Preconditions {
    is: Option<Tags>,
    is_not: Option<Tags>,
}

impl Tag {
    /// The tag of a resource at this version.
    pub(crate) fn of_version(version: i64) -> Self {
        Self { weak: false, opaque: version.to_string() }
    }

    /// The tag that is written so.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (tag, rest) = Self::first(text)?;
        rest.is_empty().then_some(tag)
    }

    /// The tag that a text begins with, and what follows.
    fn first(text: &str) -> Option<(Self, &str)> {
        let (weak, quoted) = text.strip_prefix("W/").map_or((false, text), |quoted| (true, quoted));
        let (opaque, rest) = quoted.strip_prefix('"')?.split_once('"')?;
        let allowed = |c: char| !c.is_control() && c != ' ';
        opaque.chars().all(allowed).then(|| (Self { weak, opaque: opaque.to_owned() }, rest))
    }

    /// The version it names, if it is one of ours.
    fn version(&self) -> Option<i64> {
        let version = self.opaque.parse().ok().filter(|_| !self.weak)?;
        (Self::of_version(version) == *self && version >= 0).then_some(version)
    }
}

impl Tags {
    /// What that header names, where it is there; several lines of it are one list.
    pub(super) fn of(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, Refusal> {
        let mut lines = headers.get_all(name).iter().peekable();
        if lines.peek().is_none() {
            return Ok(None);
        }
        let text = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect::<Vec<_>>().join(",");
        if text.trim() == "*" {
            return Ok(Some(Self::Any));
        }
        let wrong = || Refusal::header(name, "neither `*` nor entity tags such as \"3\" with commas between");
        Self::listed(&text).map(|tags| Some(Self::Listed(tags))).ok_or_else(wrong)
    }

    fn listed(text: &str) -> Option<Vec<Tag>> {
        const BETWEEN: [char; 3] = [' ', '\t', ','];
        let mut tags = Vec::new();
        let mut rest = text.trim_matches(BETWEEN);
        while !rest.is_empty() {
            let (tag, after) = Tag::first(rest)?;
            tags.push(tag);
            rest = after.trim_start_matches(BETWEEN);
            if !rest.is_empty() && !after.trim_start().starts_with(',') {
                return None;
            }
        }
        (!tags.is_empty()).then_some(tags)
    }

    /// Whether `current`, if there is anything, is named here by strong comparison.
    fn have(&self, current: Option<&Tag>) -> bool {
        current.is_some_and(|current| match self {
            Self::Any => true,
            Self::Listed(tags) => !current.weak && tags.contains(current),
        })
    }

    /// The same by weak comparison.
    pub(super) fn have_weakly(&self, current: Option<&Tag>) -> bool {
        current.is_some_and(|current| match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|tag| tag.opaque == current.opaque),
        })
    }
}

impl Preconditions {
    /// Those of a request, if it has any.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Refusal> {
        let is = Tags::of(headers, &header::IF_MATCH)?;
        let is_not = Tags::of(headers, &header::IF_NONE_MATCH)?;
        Ok((is.is_some() || is_not.is_some()).then_some(Self { is, is_not }))
    }

    /// The one version at which they hold, where that can be told without a look at the resource.
    pub(crate) fn version(&self) -> Option<i64> {
        match (&self.is, &self.is_not) {
            (Some(Tags::Listed(tags)), None) if tags.len() == 1 => tags[0].version(),
            (None, Some(Tags::Any)) => Some(0),
            _ => None,
        }
    }

    /// That they hold for a resource with this tag; `None`: there is none.
    pub(crate) fn hold(&self, current: Option<&Tag>) -> Result<(), Refusal> {
        let failed = |detail| Err(Refusal::new("version-conflict", StatusCode::PRECONDITION_FAILED, detail));
        if self.is.as_ref().is_some_and(|tags| !tags.have(current)) {
            return failed("If-Match does not name what is there");
        }
        if self.is_not.as_ref().is_some_and(|tags| tags.have_weakly(current)) {
            return failed("If-None-Match names what is there");
        }
        Ok(())
    }

    /// Whether that they hold now says nothing of the next version.
    pub(crate) fn name_versions(&self) -> bool {
        self.is_not.is_some() || matches!(self.is, Some(Tags::Listed(_)))
    }

    /// Whether they demand that something is not there or not so: then the same request again is not the first one.
    pub(crate) fn exclude(&self) -> bool {
        self.is_not.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    fn if_match(values: &[&str]) -> Preconditions {
        Preconditions::of(&with(&header::IF_MATCH, values)).unwrap().unwrap()
    }

    #[test]
    fn one_strong_tag_of_ours_is_a_version() {
        assert_eq!(if_match(&["\"3\""]).version(), Some(3));
        for text in ["*", "W/\"3\"", "\"x\"", "\"\"", "\"03\"", "\"-1\"", "\"+1\"", "\"1\", \"2\"", "\"9,9\""]
        {
            assert_eq!(if_match(&[text]).version(), None, "{text}");
        }
        assert_eq!(if_match(&["\"99999999999999999999\""]).version(), None);
    }

    #[test]
    fn if_match_compares_strongly_and_one_of_several_is_enough() {
        let (three, weak) = (Tag::of_version(3), Tag::read("W/\"3\"").unwrap());
        for values in [&["\"3\""][..], &["*"], &["\"7\", \"3\""], &["W/\"3\",\"3\""], &["\"7\"", " \"3\" "]] {
            assert!(if_match(values).hold(Some(&three)).is_ok(), "{values:?}");
        }
        for text in ["\"7\", \"1\"", "W/\"3\"", "\"x\"", "\"3,\""] {
            assert!(if_match(&[text]).hold(Some(&three)).is_err(), "{text}");
        }
        assert!(if_match(&["*"]).hold(None).is_err());
        assert!(if_match(&["\"3\""]).hold(Some(&weak)).is_err());
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let excludes = |text: &str, current: Option<&Tag>| {
            let headers = with(&header::IF_NONE_MATCH, &[text]);
            Preconditions::of(&headers).unwrap().unwrap().hold(current).is_err()
        };
        let three = Tag::of_version(3);
        assert!(excludes("W/\"3\"", Some(&three)) && excludes("\"1\",\"3\"", Some(&three)));
        assert!(excludes("*", Some(&three)) && !excludes("*", None) && !excludes("\"4\"", Some(&three)));
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for text in ["3", "", "\"3", "w/\"3\"", "\"1\" \"2\"", "*, \"1\"", "\"a b\"", "W/"] {
            assert!(Preconditions::of(&with(&header::IF_MATCH, &[text])).is_err(), "{text}");
        }
        assert!(Preconditions::of(&HeaderMap::new()).unwrap().is_none());
    }
}
