//! Whoever delivers letters: does as a script says, and keeps what it was asked.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use uuid::Uuid;
use wilco_application::catalog::Undecodable;
use wilco_application::ports::{Answer, Call, Clock as _, Command, Look, Runner, Setback, SystemClock};

use super::letters::Deliver;

/// How it delivers a letter.
pub(crate) enum Do {
    Say(Answer),
    /// That takes so long.
    After(Duration, Answer),
    /// Only when it may.
    Wait(Arc<Semaphore>, Answer),
    Hang,
    Panic,
}

/// How it looks whether a letter was delivered.
pub(crate) enum See {
    Say(Look),
    Hang,
}

/// Something that it was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) letter: String,
    pub(crate) to: String,
    /// Only to look.
    pub(crate) is_look: bool,
    pub(crate) key: Uuid,
    pub(crate) attempt: u32,
    pub(crate) data: String,
    pub(crate) at: DateTime<Utc>,
}

/// See the module's description. Without a script it delivers at once.
#[derive(Default)]
pub(crate) struct Postman {
    script: Mutex<HashMap<String, VecDeque<Do>>>,
    sights: Mutex<HashMap<String, VecDeque<See>>>,
    /// Those who are ill, and refuse all letters.
    ill: Mutex<HashSet<String>>,
    /// Those who never open.
    hanging: Mutex<HashSet<String>>,
    /// How many it delivers at once, and the most that ever were.
    at_once: Mutex<(usize, usize)>,
    asked: Mutex<Vec<Asked>>,
}

impl Postman {
    /// Does this with a letter, one after the other.
    pub(crate) fn with(letter: &str, script: impl IntoIterator<Item = Do>) -> Arc<Self> {
        let postman = Self::default();
        postman.also(letter, script);
        Arc::new(postman)
    }

    /// And this with another one.
    pub(crate) fn also(&self, letter: &str, script: impl IntoIterator<Item = Do>) {
        self.script.lock().unwrap().insert(letter.to_owned(), script.into_iter().collect());
    }

    /// Waits for somebody for ever.
    pub(crate) fn hanging(to: &str) -> Arc<Self> {
        let postman = Self::default();
        postman.hanging.lock().unwrap().insert(to.to_owned());
        Arc::new(postman)
    }

    /// Sees this when it looks for a letter; then that nobody can tell.
    pub(crate) fn sees(self: Arc<Self>, letter: &str, sights: impl IntoIterator<Item = See>) -> Arc<Self> {
        self.sights.lock().unwrap().insert(letter.to_owned(), sights.into_iter().collect());
        self
    }

    /// Whether somebody is ill.
    pub(crate) fn let_be_ill(&self, to: &str, is_ill: bool) {
        let mut ill = self.ill.lock().unwrap();
        if is_ill {
            ill.insert(to.to_owned())
        } else {
            ill.remove(to)
        };
    }

    /// All that it was asked about a letter.
    pub(crate) fn asked(&self, letter: &str) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().filter(|asked| asked.letter == letter).cloned().collect()
    }

    /// How often it was to deliver a letter, and how often to look for it.
    pub(crate) fn counts(&self, letter: &str) -> (usize, usize) {
        let (looks, runs): (Vec<_>, Vec<_>) = self.asked(letter).into_iter().partition(|asked| asked.is_look);
        (runs.len(), looks.len())
    }

    /// All that it was to deliver to somebody.
    pub(crate) fn deliveries_to(&self, to: &str) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().filter(|asked| asked.to == to && !asked.is_look).cloned().collect()
    }

    /// The most letters that it ever had in hand at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.at_once.lock().unwrap().1
    }

    /// Waits until it has been asked so many times about a letter.
    pub(crate) async fn is_asked(&self, letter: &str, times: usize) {
        let asked = async || self.asked(letter).len();
        wilco_tests::wait_for("the postman to be asked", asked, |asked| *asked >= times).await;
    }

    fn take_down(&self, call: &Call<'_>, is_look: bool) -> (String, String) {
        let Command { target, data, .. } = call.command;
        let to = read(call.command).unwrap().to;
        self.asked.lock().unwrap().push(Asked {
            letter: target.clone(),
            to: to.clone(),
            is_look,
            key: call.key(),
            attempt: call.attempt,
            data: data.clone(),
            at: SystemClock.now(),
        });
        (target.clone(), to)
    }

    fn take_in_hand(&self) -> InHand<'_> {
        let mut at_once = self.at_once.lock().unwrap();
        at_once.0 += 1;
        at_once.1 = at_once.1.max(at_once.0);
        InHand(self)
    }

    fn next(&self, letter: &str, to: &str) -> Do {
        if self.ill.lock().unwrap().contains(to) {
            return Do::Say(Answer::Retry(Setback::ill("it is ill")));
        }
        if self.hanging.lock().unwrap().contains(to) {
            return Do::Hang;
        }
        let next = self.script.lock().unwrap().get_mut(letter).and_then(VecDeque::pop_front);
        next.unwrap_or_else(|| Do::Say(delivered("at once")))
    }
}

/// A letter that is being delivered.
struct InHand<'p>(&'p Postman);

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.at_once.lock().unwrap().0 -= 1;
    }
}

#[async_trait]
impl Runner for Postman {
    fn destination(&self, command: &Command) -> Result<String, Undecodable> {
        Ok(read(command)?.to)
    }

    async fn run(&self, call: &Call<'_>) -> Answer {
        let (letter, to) = self.take_down(call, false);
        let _in_hand = self.take_in_hand();
        match self.next(&letter, &to) {
            Do::Say(answer) => answer,
            Do::After(pause, answer) => {
                tokio::time::sleep(pause).await;
                answer
            }
            Do::Wait(gate, answer) => {
                gate.acquire().await.unwrap().forget();
                answer
            }
            Do::Hang => std::future::pending().await,
            Do::Panic => panic!("as it was told to"),
        }
    }

    async fn look(&self, call: &Call<'_>) -> Look {
        let (letter, _) = self.take_down(call, true);
        let next = self.sights.lock().unwrap().get_mut(&letter).and_then(VecDeque::pop_front);
        match next.unwrap_or(See::Say(Look::CannotTell)) {
            See::Say(look) => look,
            See::Hang => std::future::pending().await,
        }
    }
}

fn read(command: &Command) -> Result<Deliver, Undecodable> {
    serde_json::from_str(&command.data).map_err(|error| Undecodable(error.to_string()))
}

/// What comes of a letter that was delivered like this.
pub(crate) fn receipt(how: &str) -> Value {
    json!({ "delivered": how })
}

pub(crate) fn delivered(how: &str) -> Answer {
    Answer::Done(receipt(how))
}

/// Nobody was at home; but nobody is ill.
pub(crate) fn not_at_home() -> Setback {
    Setback { why: "nobody is at home".into(), after: None, is_ill: false }
}

pub(crate) fn again() -> Do {
    Do::Say(Answer::Retry(not_at_home()))
}

pub(crate) fn unknown() -> Do {
    Do::Say(Answer::Unknown(not_at_home()))
}
