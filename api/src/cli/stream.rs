use std::ops::ControlFlow;
use std::time::Duration;

use reqwest::Url;

use super::client::{Client, Error};
use super::{output, sse};

/// Pauses between attempts to open an interrupted stream again.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Opens the stream and hands over its events until `take` breaks. An interrupted stream is opened again behind
/// the newest event; one that could never be opened is an error.
pub async fn follow(
    client: &Client,
    url: &Url,
    mut take: impl FnMut(sse::Event) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let mut reader = sse::Reader::default();
    let mut pause = FIRST_PAUSE;
    let mut opened = false;
    loop {
        match client.stream(going_on(url, reader.last_id())).await {
            Ok(mut response) => {
                opened = true;
                while let Ok(Some(piece)) = response.chunk().await {
                    pause = FIRST_PAUSE;
                    for event in reader.push(&piece) {
                        if take(event)?.is_break() {
                            return Ok(());
                        }
                    }
                }
            }
            Err(error) if opened && may_pass(&error) => {}
            Err(error) => return Err(error),
        }
        reader.forget_partial();
        output::note("the stream was interrupted; it goes on when the server answers again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether the server may answer otherwise in a while.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } => true,
        Error::Refused(problem) => problem["status"].as_u64().is_some_and(|status| status >= 500),
        _ => false,
    }
}

/// The address with the place to go on from.
fn going_on(url: &Url, last_id: Option<&str>) -> Url {
    let Some(last_id) = last_id else { return url.clone() };
    let others: Vec<(String, String)> =
        url.query_pairs().filter(|(name, _)| name != "after").map(|(a, b)| (a.into(), b.into())).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair("after", last_id);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_event_replaces_where_it_began() {
        let url: Url = "http://localhost/v1/feed?after=start&subject=wilco.%3E".parse().unwrap();
        assert_eq!(going_on(&url, None), url);
        let again = going_on(&url, Some("3.4"));
        assert_eq!(again.query(), Some("subject=wilco.%3E&after=3.4"));
    }
}
