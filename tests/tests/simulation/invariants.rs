//! What must hold of what is stored: at any time, from one time to the next, and when there is nothing left to do.
//!
//! What must hold at any time:
//! - The entries of each partition's feed have the offsets 1, 2, 3 … and so have the events of each aggregate.
//! - What runs is in somebody's hands: it is held by one instance that goes on, or its attempts are counted.
//! - An instance awaits as many replies as there are commands of it that are not settled, or of which it has not heard.
//! - One that has not ended will go on: a reply is to come, a timer is set, or somebody has to see to it.
//! - Nothing is issued twice: of one step there is one command under an address, and those that take its place after a
//!   failure.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;
use wilco_application::ports::State;

use super::stored::{Registered, Standing, Stored, instance_of};

/// What does not hold, or nothing.
pub(super) type Verdict = Result<(), String>;

/// What must hold at any time.
pub(super) fn hold(stored: &Stored) -> Verdict {
    offsets(stored)?;
    sequences(stored)?;
    for (id, command) in stored.commands.iter().filter(|(_, one)| one.state == State::Running) {
        is_in_hands(stored, id, command)?;
    }
    if let Some(id) = stored.attempts.keys().find(|id| state_of(stored, id) != Some(State::Running)) {
        return Err(format!("attempts are stored of {id}, which is {:?}", state_of(stored, id)));
    }
    for signal in &stored.signals {
        let told = stored.commands.get(&signal.command).filter(|command| command.is_settled());
        if told.is_none_or(|command| command.reply_to.as_ref() != Some(&signal.address)) {
            return Err(format!("{signal:?} is of {told:?}"));
        }
    }
    for (name, instance) in &stored.instances {
        is_awake(stored, name, instance).map_err(|why| format!("{name}: {why}; {instance:?}"))?;
    }
    issued_once(stored)
}

/// What must hold from one time to the next.
pub(super) fn followed(before: &Stored, now: &Stored) -> Verdict {
    for (id, command) in before.commands.iter().filter(|(_, one)| one.is_settled()) {
        let later = now.commands.get(id);
        if later != Some(command) {
            return Err(format!("{id} was settled as {command:?}, and now it is {later:?}"));
        }
    }
    for (name, instance) in &before.instances {
        let later = now.instances.get(name);
        let goes_on =
            |later: &Standing| later.version >= instance.version && (later.has_ended || !instance.has_ended);
        if !later.is_some_and(goes_on) {
            return Err(format!("{name} went back: it was {instance:?}, and now it is {later:?}"));
        }
    }
    for (id, count) in &before.attempts {
        if now.attempts.get(id).is_some_and(|later| later < count) {
            return Err(format!("of {count} attempts at {id} not all are counted any more"));
        }
    }
    Ok(())
}

/// What must hold when there is nothing left to do.
pub(super) fn at_rest(stored: &Stored) -> Verdict {
    let open = stored.commands.iter().find(|(_, command)| !command.is_settled());
    let goes_on = stored.instances.iter().find(|(_, instance)| !instance.has_ended);
    match (open, goes_on, stored.signals.first(), stored.timers.first_key_value()) {
        (None, None, None, None) if stored.attempts.is_empty() => Ok(()),
        left => Err(format!("something is left: {left:?}, {:?}", stored.attempts)),
    }
}

fn offsets(stored: &Stored) -> Verdict {
    let mut told: BTreeMap<u16, Vec<i64>> = stored.heads.keys().map(|id| (*id, Vec::new())).collect();
    for event in &stored.events {
        told.entry(event.partition).or_default().push(event.offset);
    }
    for command in stored.commands.values() {
        if command.is_settled() != command.offset.is_some() {
            return Err(format!("{command:?} is told of, or not, as it should not"));
        }
        told.entry(command.partition).or_default().extend(command.offset);
    }
    for (partition, mut offsets) in told {
        offsets.sort_unstable();
        let head = stored.heads.get(&partition).copied().unwrap_or_default();
        if !offsets.iter().copied().eq(1..=head) {
            return Err(format!("the feed of partition {partition} has {offsets:?}, and its head is {head}"));
        }
    }
    Ok(())
}

fn sequences(stored: &Stored) -> Verdict {
    for events in stored.events.chunk_by(|one, next| one.aggregate == next.aggregate) {
        if !events.iter().map(|event| event.sequence).eq(1..=events.len() as i64) {
            return Err(format!("the events of {} are not numbered one by one", events[0].aggregate));
        }
    }
    Ok(())
}

fn state_of(stored: &Stored, id: &Uuid) -> Option<State> {
    stored.commands.get(id).map(|command| command.state)
}

/// Of a command that is running.
fn is_in_hands(stored: &Stored, id: &Uuid, command: &Registered) -> Verdict {
    let holders = stored.instances.values().filter(|one| !one.has_ended && one.holds.contains(id)).count();
    match holders + usize::from(stored.attempts.contains_key(id)) {
        1 => Ok(()),
        hands => Err(format!("{id} is running, in {hands} hands: {command:?}")),
    }
}

fn is_awake(stored: &Stored, name: &str, instance: &Standing) -> Verdict {
    let under_way = |command: &&Registered| !command.is_settled() && command.issuer() == Some(name);
    let under_way = stored.commands.values().filter(under_way).count();
    let unheard = stored.signals.iter().filter(|signal| instance_of(&signal.address) == name).count();
    if !instance.is_given_up() && instance.awaits != under_way + unheard {
        let awaits = instance.awaits;
        return Err(format!(
            "it awaits {awaits} replies; {under_way} are to come, and {unheard} to be heard"
        ));
    }
    if let Some(id) = instance.holds.iter().find(|id| state_of(stored, id) != Some(State::Running)) {
        return Err(format!("it holds {id}, which is {:?}", state_of(stored, id)));
    }
    let timers = stored.timers.get(name).copied().unwrap_or_default();
    if instance.has_ended {
        let is_over = timers == 0 && instance.holds.is_empty();
        return if is_over { Ok(()) } else { Err(format!("it has ended with {timers} timers")) };
    }
    let will_go_on = instance.awaits > 0 || timers > 0 || instance.parked.is_some();
    if will_go_on { Ok(()) } else { Err("nothing will make it go on".to_owned()) }
}

fn issued_once(stored: &Stored) -> Verdict {
    let mut families: BTreeMap<&str, BTreeSet<&[u8]>> = BTreeMap::new();
    let mut steps: BTreeSet<(&str, &[u8])> = BTreeSet::new();
    for (id, command) in &stored.commands {
        let Some(address) = command.reply_to.as_deref().filter(|_| !is_repeat(stored, command)) else {
            continue;
        };
        // The ids follow from the instance and the step, so that the same step issues the same.
        let (family, step) = id.as_bytes()[..8].split_at(6);
        let families = families.entry(instance_of(address)).or_default();
        families.insert(family);
        if families.len() > 1 || !steps.insert((address, step)) {
            return Err(format!(
                "{id} is not the one command that a step has issued under {address}: {command:?}"
            ));
        }
    }
    Ok(())
}

/// Whether a command takes the place of one that has failed, and that has to be done.
fn is_repeat(stored: &Stored, command: &Registered) -> bool {
    let cause = command.caused_by.and_then(|id| stored.commands.get(&id));
    cause.is_some_and(|cause| (&cause.kind, &cause.target) == (&command.kind, &command.target))
}
