//! Processes on both stores: many replies, timers, defects, and everything again after a new start.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

// The attributes name what they need by the crate that aggregates are usually written with.
extern crate wilco_domain as wilco;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use wilco_application::catalog::{AggregateRegistration, Registration};
use wilco_application::engine::{CommandQuery, Engine, ParkedError, RetrySubmission, Submission};
use wilco_application::ports::{Command, ProcessKey, ProcessRow, Settlement, State};
use wilco_domain::kernel::{
    AggregateId, Caller, Context, Decider, Held, Input, Problem, Process, Refused, Reply, Tenant, Then,
    commands, events, refusals, state,
};
use wilco_tests::facts_on_both_stores;
use wilco_tests::trial::Place;

const PATIENCE: Duration = Duration::from_secs(20);

/// Something that is touched, each time with an event.
#[state]
struct Parcel {
    touched: u32,
}

#[commands]
enum ParcelCommand {
    /// Touch it
    #[either]
    Touch,
    /// Refuse
    #[either]
    Refuse,
    /// Touch it once more
    ///
    /// It is refused until it was touched before.
    #[either]
    Insist,
}

#[events]
enum ParcelEvent {
    /// It was touched.
    Touched,
}

#[refusals]
enum ParcelRefusal {
    /// It says no.
    ///
    /// Nothing is to be done.
    #[rule("no")]
    No,
}

impl Decider for Parcel {
    const TYPE: &'static str = "parcel";
    type Command = ParcelCommand;
    type Event = ParcelEvent;
    type Refusal = ParcelRefusal;

    fn decide(&self, command: ParcelCommand, _: &Context) -> Result<Vec<ParcelEvent>, ParcelRefusal> {
        match command {
            ParcelCommand::Touch => Ok(vec![ParcelEvent::Touched]),
            ParcelCommand::Insist if self.touched > 0 => Ok(vec![ParcelEvent::Touched]),
            ParcelCommand::Refuse | ParcelCommand::Insist => Err(ParcelRefusal::No),
        }
    }

    fn apply(&mut self, _: ParcelEvent) {
        self.touched += 1;
    }
}

/// What an errand leaves behind.
#[state]
struct Errand {
    noted: bool,
}

#[commands]
enum ErrandCommand {
    /// Note it
    #[creates]
    Note,
}

#[events]
enum ErrandEvent {
    /// It was noted.
    Noted,
}

#[refusals]
enum ErrandRefusal {
    /// Never.
    ///
    /// Nothing is to be done.
    #[rule("never")]
    Never,
}

impl Decider for Errand {
    const TYPE: &'static str = "errand";
    type Command = ErrandCommand;
    type Event = ErrandEvent;
    type Refusal = ErrandRefusal;

    fn decide(
        &self,
        ErrandCommand::Note: ErrandCommand,
        _: &Context,
    ) -> Result<Vec<ErrandEvent>, ErrandRefusal> {
        Ok(vec![ErrandEvent::Noted])
    }

    fn apply(&mut self, _: ErrandEvent) {
        self.noted = true;
    }
}

/// Touches parcels, notes that, and has done its errand.
#[state]
struct Courier {
    asked: Option<Held>,
    left: u32,
    failed: u32,
}

#[commands]
enum CourierCommand {
    /// Touch parcels
    #[creates]
    Carry {
        /// Which ones.
        parcels: Vec<String>,
    },
    /// Let time pass
    #[creates]
    Nap {
        /// How long.
        milliseconds: i64,
    },
    /// Touch a parcel again, however long it takes
    #[creates]
    Insist {
        /// Which one.
        parcel: String,
    },
    /// Wake up
    Wake,
}

/// The couriers that stumble over every reply.
static CLUMSY: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn is_clumsy(id: &str) -> bool {
    CLUMSY.lock().unwrap().iter().any(|clumsy| clumsy == id)
}

/// A courier that stumbles until it is [helped](be_steady).
fn be_clumsy() -> String {
    let id = format!("clumsy-{}", wilco_tests::conformance::uuid());
    CLUMSY.lock().unwrap().push(id.clone());
    id
}

fn be_steady(id: &str) {
    CLUMSY.lock().unwrap().retain(|clumsy| clumsy != id);
}

impl Process for Courier {
    const NAME: &'static str = "courier";
    const HOME: &'static str = "errand";
    type Command = CourierCommand;

    fn react(&mut self, input: Input<CourierCommand>, then: &mut Then) -> Result<(), Box<Problem>> {
        match input {
            Input::Command(asked, CourierCommand::Carry { parcels }) => {
                self.left = parcels.len() as u32;
                self.asked = Some(asked);
                for (number, parcel) in parcels.iter().enumerate() {
                    let command =
                        if parcel.starts_with("no") { ParcelCommand::Refuse } else { ParcelCommand::Touch };
                    let label =
                        if parcel == "twice" { "parcel".to_owned() } else { format!("parcel-{number}") };
                    then.issue::<Parcel>(&label, parcel, &command);
                }
                then.progress(0, self.left, "carry parcels");
            }
            Input::Command(asked, CourierCommand::Nap { milliseconds }) => {
                self.asked = Some(asked);
                then.after(TimeDelta::milliseconds(milliseconds), "nap");
            }
            Input::Command(asked, CourierCommand::Insist { parcel }) => {
                self.asked = Some(asked);
                then.must::<Parcel>("insist", parcel, &ParcelCommand::Insist, &["gone"]);
            }
            Input::Command(asked, CourierCommand::Wake) => {
                let Some(napping) = self.asked.take() else {
                    return Err(Problem::of(&Refused::<Errand>(ErrandRefusal::Never)).into());
                };
                then.settle(napping, Err(Problem::new("errand-never", 409, "it was woken")));
                then.settle(asked, Ok(None)).end();
            }
            Input::Reply(label, reply) if label.starts_with("parcel") => {
                assert!(!is_clumsy(then.id()), "it stumbles");
                self.left -= 1;
                self.failed += u32::from(matches!(reply, Reply::Failed(_)));
                if self.left == 0 {
                    let id = then.id().to_owned();
                    then.issue::<Errand>("note", id, &ErrandCommand::Note);
                }
            }
            Input::Reply(_, _) | Input::Timer(_) | Input::Event(_) => {
                if let Some(asked) = self.asked.take() {
                    then.settle(asked, Ok(Some(i64::from(self.failed)))).end();
                }
            }
        }
        Ok(())
    }
}

fn registered() -> Vec<Registration> {
    let errands = AggregateRegistration::<_, wilco_domain::kernel::Shown<Errand, Errand>>::decider("errands");
    let parcels = AggregateRegistration::<_, wilco_domain::kernel::Shown<Parcel, Parcel>>::decider("parcels");
    vec![errands.process::<Courier>().finish().unwrap(), parcels.finish().unwrap()]
}

fn asked(engine: &Engine, verb: &str, target: &str, data: Value) -> Submission {
    let command_type = Arc::clone(engine.catalog().command(&format!("errand.{verb}")).unwrap());
    Submission {
        target: Some(AggregateId::parse(target).unwrap()),
        idempotency_key: Some(engine.new_id().to_string()),
        ..Submission::new(Tenant::default().into(), command_type, data)
    }
}

async fn ask(engine: &Engine, verb: &str, target: &str, data: Value) -> Arc<Command> {
    engine.submit(asked(engine, verb, target, data)).await.unwrap().command
}

async fn settlement(engine: &Engine, command: Arc<Command>) -> Settlement {
    let settled = engine.settled(command, PATIENCE).await.unwrap();
    settled.settlement.clone().unwrap_or_else(|| panic!("{} is not settled", settled.command_type))
}

fn carry(parcels: &[String]) -> Value {
    json!({ "parcels": parcels })
}

fn parcels(of: &str, count: u32) -> Vec<String> {
    (0..count).map(|number| format!("{of}-{number}")).collect()
}

fn key(id: &str) -> ProcessKey {
    ProcessKey { process_type: "courier".into(), tenant: Tenant::default(), id: id.into() }
}

async fn instance(place: &Place, id: &str) -> Option<ProcessRow> {
    place.store.processes(&[key(id)]).await.unwrap().pop()
}

async fn touched(place: &Place, parcel: &str) -> i64 {
    place.store.view(&format!("parcel/{parcel}")).await.unwrap().map_or(0, |view| view.version)
}

/// Replies from all partitions to one instance, some of them refusals.
async fn many_replies_come_to_one_end(place: Place) {
    let (engine, _running) = place.engine_of(&registered(), 100, None).await;
    let mut all = parcels("p", 300);
    all.extend(parcels("no", 3));
    let command = ask(&engine, "carry", "e-1", carry(&all)).await;
    let settled = settlement(&engine, command).await;
    assert_eq!((settled.state, settled.version), (State::Succeeded, Some(3)));
    for parcel in &all[..300] {
        assert_eq!(touched(&place, parcel).await, 1, "{parcel}");
    }
    let row = instance(&place, "e-1").await.unwrap();
    assert_eq!((row.awaits, row.holds.len(), row.ended_at.is_some()), (0, 0, true));
    assert_eq!(place.store.signals(&[0, 1], 9).await.unwrap(), []);
    let again = ask(&engine, "carry", "e-1", carry(&parcels("q", 1))).await;
    let refused = settlement(&engine, again).await;
    assert_eq!(refused.error.unwrap().slug(), "already-exists");
    assert_eq!(touched(&place, "q-0").await, 0);
}

/// Also one that fell due while nobody was there.
async fn timers_fire_once_whoever_is_there(place: Place) {
    let (engine, running) = place.engine_of(&registered(), 100, None).await;
    let soon = ask(&engine, "nap", "soon", json!({ "milliseconds": 200 })).await;
    assert_eq!(engine.find(&Caller::default(), soon.id).await.map(state_of).unwrap(), State::Running);
    let settled = settlement(&engine, Arc::clone(&soon)).await;
    assert!(settled.at - soon.accepted_at >= TimeDelta::milliseconds(200), "{settled:?}");
    let later = ask(&engine, "nap", "later", json!({ "milliseconds": 700 })).await;
    engine.close();
    running.stop(PATIENCE).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (engine, _running) = place.engine_of(&registered(), 100, None).await;
    assert_eq!(settlement(&engine, later).await.state, State::Succeeded);
    assert_eq!(place.store.timers(&[0, 1], engine.now() + TimeDelta::days(9), 9).await.unwrap(), []);
}

fn state_of(found: wilco_application::engine::Found) -> State {
    match found {
        wilco_application::engine::Found::Command(command) => command.state(),
        _ => panic!("it is there"),
    }
}

/// The two in one batch, or one after the other: the nap ends once, and its timer never fires.
async fn whoever_is_woken_naps_no_longer(place: Place) {
    let (engine, _running) = place.engine_of(&registered(), 100, None).await;
    let nap = asked(&engine, "nap", "e-1", json!({ "milliseconds": 60_000 }));
    let wake = asked(&engine, "wake", "e-1", json!({}));
    let asked = engine.submit_all(vec![nap, wake]).await;
    let [nap, wake] = <[_; 2]>::try_from(asked).ok().unwrap().map(|submitted| submitted.unwrap().command);
    assert_eq!(settlement(&engine, nap).await.error.unwrap().detail, "it was woken");
    assert_eq!(settlement(&engine, wake).await.state, State::Succeeded);
    assert_eq!(place.store.timers(&[0, 1], engine.now() + TimeDelta::days(9), 9).await.unwrap(), []);
    let again = ask(&engine, "wake", "e-1", json!({})).await;
    assert_eq!(settlement(&engine, again).await.error.unwrap().slug(), "errand-never");
}

async fn stands_still(place: &Place, id: &str) -> Problem {
    let parked = async || instance(place, id).await.and_then(|row| row.parked);
    wilco_tests::wait_for("it to stand still", parked, Option::is_some).await.unwrap()
}

/// Everybody else goes on; what comes for it waits, and is done when it has been helped, as if nothing had been.
async fn one_that_stumbles_stands_still_alone(place: Place) {
    let (engine, _running) = place.engine_of(&registered(), 100, None).await;
    let id = be_clumsy();
    let of_clumsy = parcels(&id, 3);
    let clumsy = ask(&engine, "carry", &id, carry(&of_clumsy)).await;
    let mut others = Vec::new();
    for number in 0..20 {
        let parcels = parcels(&format!("p{number}"), 3);
        others.push(ask(&engine, "carry", &format!("e-{number}"), carry(&parcels)).await);
    }
    for other in others {
        assert_eq!(settlement(&engine, other).await.state, State::Succeeded);
    }
    let why = stands_still(&place, &id).await;
    assert!(why.detail.contains("it stumbles"), "{}", why.detail);
    assert_eq!(engine.find(&Caller::default(), clumsy.id).await.map(state_of).unwrap(), State::Running);
    let none = async || place.store.signals(&[0, 1], 9).await.unwrap();
    wilco_tests::wait_for("its replies to be out of the way", none, Vec::is_empty).await;
    let wake = ask(&engine, "wake", &id, json!({})).await;
    let blocked = async || place.store.blocked(&[wake.key()]).await.unwrap();
    wilco_tests::wait_for("what comes for it to wait", blocked, |blocked| !blocked.is_empty()).await;

    let key = key(&id);
    let alerts =
        CommandQuery { command_type: Some("process.park".to_owned()), limit: 9, ..CommandQuery::default() };
    let alerts = engine.commands(&Caller::default(), alerts).await.unwrap().items;
    let told = (alerts[0].target.as_str(), alerts[0].state(), alerts.len());
    assert_eq!(told, (id.as_str(), State::Failed, 1), "whoever listens to the alert bus hears of it");
    engine.retry(&Caller::default(), alerts[0].id, RetrySubmission::default()).await.unwrap();
    // Not helped yet: it stumbles again.
    let again =
        async || instance(&place, &id).await.filter(|row| row.parked.is_some()).map(|row| row.version);
    wilco_tests::wait_for("it to stand still again", again, |version| {
        version.is_some_and(|version| version > 2)
    })
    .await;
    be_steady(&id);
    engine.resume(&key).await.unwrap();
    let carried = settlement(&engine, clumsy).await;
    let woken = settlement(&engine, wake).await;
    assert_eq!((carried.state, woken.state), (State::Succeeded, State::Failed), "{carried:?} {woken:?}");
    let state: Value = serde_json::from_str(&instance(&place, &id).await.unwrap().state).unwrap();
    assert_eq!(state["left"], 0, "the replies had been there before whoever woke it");
    for parcel in &of_clumsy {
        assert_eq!(touched(&place, parcel).await, 1, "{parcel}");
    }
    assert!(matches!(engine.resume(&key).await, Err(ParkedError::NotParked)));
}

/// What it holds has failed, and its id stays taken.
async fn one_that_is_given_up_lets_go_of_everything(place: Place) {
    let (engine, _running) = place.engine_of(&registered(), 100, None).await;
    let id = be_clumsy();
    let command = ask(&engine, "carry", &id, carry(&parcels(&id, 3))).await;
    stands_still(&place, &id).await;
    engine.give_up(&Caller::default(), &key(&id)).await.unwrap();
    let given_up = settlement(&engine, Arc::clone(&command)).await;
    assert_eq!((given_up.state, given_up.error.unwrap().slug()), (State::Failed, "internal"));
    let row = instance(&place, &id).await.unwrap();
    assert!(row.ended_at.is_some() && row.holds.is_empty(), "{row:?}");
    let entries = place.store.feed(command.partition, 0, 1000).await.unwrap();
    let offsets: Vec<i64> = entries.iter().map(|entry| entry.offset).collect();
    assert_eq!(offsets, (1..=entries.len() as i64).collect::<Vec<_>>(), "no gap");
    let again = ask(&engine, "carry", &id, carry(&parcels("other", 1))).await;
    assert_eq!(settlement(&engine, again).await.error.unwrap().slug(), "already-exists");
    let wake = ask(&engine, "wake", &id, json!({})).await;
    assert_eq!(settlement(&engine, wake).await.state, State::Failed, "nothing waits for one that has ended");
    let unknown = engine.give_up(&Caller::default(), &key("nobody")).await;
    assert!(matches!(unknown, Err(ParkedError::Unknown)), "{unknown:?}");
}

/// A wish that cannot be granted fails the command, and leaves nothing of the rest.
async fn a_defective_wish_leaves_nothing(place: Place) {
    let (engine, _running) = place.engine_of(&registered(), 100, None).await;
    let twice = ask(&engine, "carry", "e-1", carry(&["twice".to_owned(), "twice".to_owned()])).await;
    assert_eq!(settlement(&engine, twice).await.error.unwrap().slug(), "internal");
    assert_eq!((instance(&place, "e-1").await, touched(&place, "twice").await), (None, 0));
}

/// It is refused at first; the process hears of the success alone.
async fn what_has_to_be_done_is_tried_until_it_is(place: Place) {
    let (engine, _running) = place.engine_of(&registered(), 100, None).await;
    let insisting = ask(&engine, "insist", "e-1", json!({ "parcel": "p" })).await;
    let refused = async || touches(&engine, State::Failed).await;
    wilco_tests::wait_for("a refusal", refused, |refused| !refused.is_empty()).await;
    assert_eq!(instance(&place, "e-1").await.unwrap().awaits, 1);
    let command_type = Arc::clone(engine.catalog().command("parcel.touch").unwrap());
    let target = Some(AggregateId::parse("p").unwrap());
    let touch = Submission { target, ..Submission::new(Tenant::default().into(), command_type, json!({})) };
    engine.submit(touch).await.unwrap();
    assert_eq!(settlement(&engine, Arc::clone(&insisting)).await.state, State::Succeeded);
    let (failed, succeeded) =
        (touches(&engine, State::Failed).await, touches(&engine, State::Succeeded).await);
    assert_eq!((succeeded.len(), touched(&place, "p").await), (1, 2), "{succeeded:?}");
    assert!(failed.iter().chain(&succeeded).all(|one| one.correlation_id == insisting.correlation_id));
    assert_eq!(instance(&place, "e-1").await.unwrap().awaits, 0);
}

/// The same where the lane has at hand what it is asked of: nothing is stored of the first refusal but itself.
async fn what_has_to_be_done_is_tried_again_also_when_it_was_refused_at_once(place: Place) {
    let (engine, _running) = place.engine_of(&registered(), 100, None).await;
    let parcel = async |verb: &str| {
        let command_type = Arc::clone(engine.catalog().command(&format!("parcel.{verb}")).unwrap());
        let target = Some(AggregateId::parse("p").unwrap());
        let submission =
            Submission { target, ..Submission::new(Tenant::default().into(), command_type, json!({})) };
        settlement(&engine, engine.submit(submission).await.unwrap().command).await
    };
    assert_eq!(parcel("refuse").await.state, State::Failed, "it is in memory now");
    let insisting = ask(&engine, "insist", "e-1", json!({ "parcel": "p" })).await;
    assert_eq!(parcel("touch").await.state, State::Succeeded);
    assert_eq!(settlement(&engine, insisting).await.state, State::Succeeded);
    assert_eq!(instance(&place, "e-1").await.unwrap().awaits, 0);
}

/// The tries that have come to this.
async fn touches(engine: &Engine, state: State) -> Vec<Command> {
    let query =
        CommandQuery { command_type: Some("parcel.insist".into()), limit: 100, ..CommandQuery::default() };
    let found = engine.commands(&Caller::default(), query).await.unwrap().items;
    found.into_iter().filter(|command| command.state() == state).collect()
}

facts_on_both_stores! {
    many_replies_come_to_one_end,
    timers_fire_once_whoever_is_there,
    whoever_is_woken_naps_no_longer,
    one_that_stumbles_stands_still_alone,
    one_that_is_given_up_lets_go_of_everything,
    what_has_to_be_done_is_tried_until_it_is,
    what_has_to_be_done_is_tried_again_also_when_it_was_refused_at_once,
    a_defective_wish_leaves_nothing,
}
