//! What the answers of third parties mean for an activity, unless it knows better.

use wilco_application::ports::{Answer, OutboundError, OutboundResponse, Setback};

/// What is to be made of a call; a success is for the caller to read.
pub enum Understood {
    /// 2xx.
    Done(OutboundResponse),
    /// Anything else.
    Not(Answer),
}

/// Reads an answer as RFC 9110 has it: 408, 425, 429 and 503 say that it was not done and may be asked again, other 4xx and
/// redirects that it never will be, and 5xx (504, say) leave it open whether it was.
pub fn understood(answer: Result<OutboundResponse, OutboundError>) -> Understood {
    let answer = match answer {
        Ok(answer) if (200..300).contains(&answer.status) => return Understood::Done(answer),
        Ok(answer) => answer,
        Err(OutboundError::Forbidden(why)) => return Understood::Not(Answer::undeliverable(why)),
        Err(error @ OutboundError::NotSent(_)) => {
            return Understood::Not(Answer::Retry(Setback::ill(error.to_string())));
        }
        Err(error @ OutboundError::Unknown(_)) => {
            return Understood::Not(Answer::Unknown(Setback::ill(error.to_string())));
        }
    };
    let why = format!("it answered {}", answer.status);
    let setback = |is_ill| Setback { why: why.clone(), after: answer.retry_after, is_ill };
    Understood::Not(match answer.status {
        408 | 425 | 429 => Answer::Retry(setback(false)),
        503 => Answer::Retry(setback(true)),
        500.. => Answer::Unknown(setback(true)),
        _ => Answer::undeliverable(why),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_status(status: u16) -> Understood {
        understood(Ok(OutboundResponse { status, retry_after: None, body: Vec::new(), is_whole: true }))
    }

    #[test]
    fn an_answer_says_whether_it_was_done_can_be_tried_again_or_is_not_known() {
        for status in 200..600 {
            let understood = of_status(status);
            let as_wanted = match status {
                200..=299 => matches!(understood, Understood::Done(_)),
                408 | 425 | 429 | 503 => matches!(understood, Understood::Not(Answer::Retry(_))),
                500..=599 => matches!(understood, Understood::Not(Answer::Unknown(_))),
                _ => matches!(understood, Understood::Not(Answer::Final(_))),
            };
            assert!(as_wanted, "{status}");
        }
    }

    #[test]
    fn what_was_never_sent_was_not_done() {
        let not_sent = understood(Err(OutboundError::NotSent(String::new())));
        assert!(matches!(not_sent, Understood::Not(Answer::Retry(Setback { is_ill: true, .. }))));
        let unknown = understood(Err(OutboundError::Unknown(String::new())));
        assert!(matches!(unknown, Understood::Not(Answer::Unknown(_))));
        let forbidden = understood(Err(OutboundError::Forbidden(String::new())));
        assert!(matches!(forbidden, Understood::Not(Answer::Final(_))));
    }
}
