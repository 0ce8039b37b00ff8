use std::fmt;

/// The URL of one or several servers: `SCHEME://USER:PASSWORD@HOST:PORT,HOST:PORT/PATH?NAME=VALUE`.
///
/// It is read strictly, since what is read wrongly shows: a password with a raw `/` would else turn into a host and a
/// database, and get into the log. What is shown is made of the parts that were read, and never holds user, password
/// or parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    scheme: String,
    user: Option<String>,
    hosts: Vec<String>,
    path: String,
    parameters: Vec<(String, String)>,
}

/// A text is no such URL. It is not repeated: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotAUrl(&'static str);

const RESERVED: NotAUrl = NotAUrl(
    "the URL cannot be read; in user and password write % as %25, / as %2F, ? as %3F, # as %23, @ as %40, : as %3A, \
     a comma as %2C and a space as %20",
);

impl ServerUrl {
    /// Reads a URL with one of these schemes.
    pub fn parse(text: &str, schemes: &[&str]) -> Result<Self, NotAUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(NotAUrl("a URL has the form SCHEME://HOST"))?;
        if !schemes.contains(&scheme) {
            return Err(NotAUrl("the URL's scheme is not known here"));
        }
        if rest.contains(|c: char| c == '#' || c.is_whitespace() || c.is_control()) {
            return Err(RESERVED);
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        // Behind the hosts an @ is that of a password with a raw slash or question mark before it.
        if path.contains(['@', '/']) || query.contains('@') {
            return Err(RESERVED);
        }
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user.to_owned()), hosts),
            None => (None, authority),
        };
        let hosts: Vec<String> = hosts.split(',').map(str::to_owned).collect();
        let whole = hosts.len() == 1 && hosts[0].is_empty();
        if !whole && !hosts.iter().all(|host| is_host(host)) {
            return Err(RESERVED);
        }
        let parameters = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or(RESERVED)
        });
        let parameters = parameters.collect::<Result<_, _>>()?;
        Ok(Self { scheme: scheme.to_owned(), user, hosts, path: path.to_owned(), parameters })
    }

    /// The hosts, each with its port if it has one. A single empty one stands for the scheme's usual host.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Whether there is a user or a password.
    pub fn has_user(&self) -> bool {
        self.user.is_some()
    }

    /// What is behind the hosts, without its slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The parameters, as they were written.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// The URL of one of its hosts, with these of its parameters: for connecting, never for showing.
    pub fn of_host(&self, host: &str, keep: impl Fn(&str) -> bool) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let kept = self.parameters.iter().filter(|(name, _)| keep(name));
        let query: Vec<String> = kept.map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}://{user}{host}/{}?{}", self.scheme, self.path, query.join("&"))
    }
}

/// `name`, `name:5432`, `10.0.0.1`, `[::1]:5432`, or a socket's folder with its slashes percent-encoded.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port),
            _ => return false,
        },
        None => text.find(':').map_or((text, ""), |colon| text.split_at(colon)),
    };
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '%');
    let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    !name.is_empty() && name.chars().all(plain) && port_fits
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.hosts.join(","))?;
        if self.path.is_empty() { Ok(()) } else { write!(f, "/{}", self.path) }
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, NotAUrl> {
        ServerUrl::parse(text, &["postgres", "nats"]).map(|url| url.to_string())
    }

    #[test]
    fn hosts_and_database_are_shown_and_nothing_else() {
        for (text, wanted) in [
            ("postgres://me:pw@host/db", "postgres://host/db"),
            ("postgres://me:p,w@host:5432/db?password=pw", "postgres://host:5432/db"),
            ("postgres://me:p@w@a:1,b:2/db?target_session_attrs=read-write", "postgres://a:1,b:2/db"),
            ("postgres://[::1]:5432/db", "postgres://[::1]:5432/db"),
            ("postgres://me@%2Frun%2Fpostgresql/db", "postgres://%2Frun%2Fpostgresql/db"),
            ("postgres:///db?host=/run/postgresql", "postgres:///db"),
            ("nats://token@a:4222", "nats://a:4222"),
        ] {
            assert_eq!(shown(text).unwrap(), wanted);
        }
    }

    #[test]
    fn a_password_that_would_be_read_as_something_else_is_refused_and_not_repeated() {
        for password in
            ["se/cret", "12/cret", "se?cret", "12?cret", "12?a=cret", "se#cret", "12#cret", "se cret"]
        {
            let text = format!("postgres://me:{password}@host/db");
            let error = shown(&text).unwrap_err().to_string();
            assert!(error.contains("%2F") && !error.contains("cret"), "{text}: {error}");
        }
        for text in ["postgres://host:port/db", "postgres://a,,b/db", "postgres://a/b/c", "mysql://a", "host"]
        {
            assert!(shown(text).is_err(), "{text}");
        }
    }
}
