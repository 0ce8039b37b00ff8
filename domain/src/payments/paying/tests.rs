use serde_json::json;

use super::*;
use crate::kernel::{ProcessTest, Replied, done, failed};

fn create(client_url: Option<&str>) -> PayingCommand {
    PayingCommand::Create {
        amount: 1250,
        currency: "EUR".to_owned().try_into().unwrap(),
        client_url: client_url.map(Into::into),
    }
}

/// One that is recorded; the provider is asked to make it.
fn recorded(client_url: Option<&str>) -> ProcessTest<Paying> {
    let test = ProcessTest::of("t-1").command(create(client_url));
    test.issues("record", "transaction.record").reply("record", done(1)).issues("make", "transaction.make")
}

fn said(status: &str) -> Replied {
    done(None).bringing(json!({ "status": status }))
}

fn hear(status: ProviderStatus) -> PayingCommand {
    PayingCommand::Hear { status }
}

#[test]
fn a_provider_that_answers_at_once_is_not_asked_again() {
    recorded(None)
        .reply("make", said("completed"))
        .issues("note", "transaction.note")
        .reply("note", done(2))
        .settles(Ok(Some(2)))
        .reply_to_all("note")
        .ended();
}

#[test]
fn what_is_pending_for_long_is_told_and_asked_for() {
    recorded(Some("http://shop/t-1"))
        .reply("make", said("pending"))
        .reply_to_all("note")
        .after(Duration::from_millis(199))
        .issues_nothing()
        .after(Duration::from_millis(1))
        .issues("ask 1", "transaction.ask")
        .issues("tell 1", "transaction.notify")
        .reply("ask 1", said("pending"))
        .after(Duration::from_millis(20))
        .issues("ask 2", "transaction.ask")
        .reply("tell 1", done(None))
        .reply_to_all("note")
        .goes_on()
        .reply("ask 2", said("completed"))
        .reply("note", done(7))
        .settles(Ok(Some(7)))
        .issues("tell 2", "transaction.notify")
        .wants("tell 2", true)
        .wants("tell 1", false)
        .reply("tell 2", done(None))
        .reply_to_all("note")
        .ended();
}

#[test]
fn a_client_is_told_that_it_takes_its_time_even_if_the_provider_says_nothing() {
    recorded(Some("http://shop/t-1"))
        .after(Duration::from_millis(200))
        .issues("tell 1", "transaction.notify")
        .reply("tell 1", done(None))
        .reply_to_all("note")
        .reply("make", said("pending"))
        .after(Duration::from_millis(11))
        .issues("ask 1", "transaction.ask")
        .reply("ask 1", said("completed"))
        .reply_to_all("note")
        .reply("tell 2", done(None))
        .reply_to_all("note")
        .ended();
}

#[test]
fn a_provider_that_cannot_be_asked_fails_it_and_the_client_is_told() {
    recorded(Some("http://shop/t-1"))
        .reply("make", failed("undeliverable", 502))
        .reply("note", done(2))
        .settles(Err("undeliverable"))
        .issues("tell 1", "transaction.notify")
        .reply("tell 1", failed("undeliverable", 502))
        .reply_to_all("note")
        .ended();
}

#[test]
fn what_is_timed_out_is_completed_when_the_provider_says_so_late() {
    recorded(None)
        .reply("make", said("pending"))
        .reply_to_all("note")
        .after(Duration::from_secs(3540))
        .reply_to_all("note")
        .goes_on()
        .after(Duration::from_secs(60))
        .reply_to_all("note")
        .began_and_settled(Err("timed-out"))
        .goes_on()
        .command(hear(ProviderStatus::Completed))
        .issues("note", "transaction.note")
        .reply_to_all("note")
        .began_and_settled(Err("timed-out"))
        .ended();
}

#[test]
fn what_nobody_hears_of_for_a_month_is_forgotten() {
    let month = Duration::from_secs(31 * 24 * 3600);
    recorded(None).after(Duration::from_secs(3600)).reply_to_all("note").goes_on().after(month).ended();
}

#[test]
fn what_comes_before_the_provider_has_answered_counts_and_what_comes_later_does_not() {
    recorded(None)
        .command(hear(ProviderStatus::Completed))
        .wants("make", false)
        .reply("note", done(2))
        .settles(Ok(Some(2)))
        .command(hear(ProviderStatus::Declined))
        .refuses(PayingCommand::Cancel, "transaction-ended")
        .reply_to_all("note")
        .began_and_settled(Ok(()))
        .ended();
}

#[test]
fn whoever_says_no_there_is_one_end() {
    let begin = || recorded(Some("http://shop/t-1")).after(Duration::from_secs(1));
    ProcessTest::every_step_refused(
        |label| label.starts_with("make") || label.starts_with("tell"),
        begin,
        |test| {
            let test = test.after(Duration::from_secs(3600)).reply_to_all("note").redelivered();
            assert_eq!(test.ends(), 1);
        },
    );
}

#[test]
fn whatever_comes_first_wins_and_there_is_one_end() {
    type Step = fn(ProcessTest<Paying>) -> ProcessTest<Paying>;
    let steps: [Step; 4] = [
        |test| test.command(hear(ProviderStatus::Completed)),
        |test| test.command(hear(ProviderStatus::Declined)),
        |test| test.try_command(PayingCommand::Cancel),
        |test| test.after(Duration::from_secs(3600)),
    ];
    let waiting = || recorded(None).reply("make", said("pending")).reply_to_all("note");
    ProcessTest::every_order(&steps, waiting, |test| {
        assert_eq!(test.reply_to_all("note").redelivered().ends(), 1);
    });
}
