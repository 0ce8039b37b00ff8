//! What has come of what was wished for, held against what had to come of it.

use std::collections::BTreeMap;

use wilco_application::ports::State;

use super::clients::Clients;
use super::invariants::{self, Verdict};
use super::plan::{Fate, PaymentPlan, Plan, TripPlan};
use super::provider::Provider;
use super::stored::{Registered, Stored};

/// See the module's description.
pub(super) struct Judge<'w> {
    pub(super) plan: &'w Plan,
    pub(super) stored: &'w Stored,
    pub(super) clients: &'w Clients,
    pub(super) provider: &'w Provider,
}

impl Judge<'_> {
    /// Whether everybody has got what they had to get, once.
    pub(super) fn verdict(&self) -> Verdict {
        invariants::at_rest(self.stored)?;
        for trip in &self.plan.trips {
            self.trip(trip).map_err(|why| format!("{why}: {trip:?}; {:?}", self.command(trip.booked_by)))?;
        }
        for payment in &self.plan.paid {
            self.payment(payment).map_err(|why| format!("{why}: {payment:?}"))?;
        }
        Ok(())
    }

    /// What has come of it, as far as that is the same however often and wherever the program ends.
    pub(super) fn facts(&self) -> Vec<String> {
        let fates =
            |target: &str| self.plan.trips.iter().find(|trip| trip.id == target).map(|trip| trip.fate);
        let open = |target: &str| matches!(fates(target), Some(Fate::Rival | Fate::Meddled | Fate::GivenUp));
        let mut facts: Vec<String> = self
            .clients
            .all()
            .zip(0..)
            .filter(|((wish, _), _)| !open(&wish.target))
            .map(|((wish, _), number)| {
                let ended = self.command(number).map(|one| (one.state, one.slug.clone()));
                format!("{} {}: {ended:?}", wish.command_type, wish.target)
            })
            .collect();
        for trip in self.plan.trips.iter().filter(|trip| !open(&trip.id)) {
            let seats: Vec<Option<&str>> = trip.seats.iter().map(|seat| self.holder(seat)).collect();
            let [charged, refunded] = ["trip.charge", "trip.refund"].map(|kind| {
                if trip.fate == Fate::Impatient { 0 } else { self.provider.times(kind, &trip.id) }
            });
            facts.push(format!(
                "{}: {:?}, {seats:?}, charged {charged}, refunded {refunded}",
                trip.id,
                self.events("trip", &trip.id)
            ));
        }
        facts
    }

    fn command(&self, wish: usize) -> Option<&Registered> {
        let (_, id) = self.clients.all().nth(wish)?;
        self.stored.commands.get(&id?)
    }

    fn ended(&self, wish: usize) -> Option<(State, Option<&str>, Option<i64>)> {
        self.command(wish).map(|command| (command.state, command.slug.as_deref(), command.version))
    }

    fn trip(&self, trip: &TripPlan) -> Verdict {
        let (failed, succeeded) = (State::Failed, State::Succeeded);
        let booked = self.ended(trip.booked_by);
        let events = self.events("trip", &trip.id);
        let had = [(succeeded, None, Some(1))];
        let expected: &[(State, Option<&str>, Option<i64>)] = match trip.fate {
            Fate::Plain | Fate::CalledOff { .. } | Fate::Clumsy => &had,
            Fate::Full => &[(failed, Some("seat-taken"), None)],
            Fate::Declined => &[(failed, Some("declined"), None)],
            Fate::Impatient => &[(failed, Some("impatient"), None)],
            Fate::GivenUp => &[(failed, Some("internal"), None)],
            Fate::Rival => &[had[0], (failed, Some("seat-taken"), None)],
            Fate::Meddled => &[had[0], (State::Cancelled, Some("cancelled"), None)],
        };
        if !booked.is_some_and(|booked| expected.contains(&booked)) {
            return Err("it has not come out as it had to".to_owned());
        }
        let is_booked = booked.is_some_and(|(state, ..)| state == succeeded);
        let noted: &[&str] = match (is_booked, trip.called_off_by) {
            (false, _) => &[],
            (true, None) => &["noted", "closed"],
            (true, Some(_)) => &["noted", "called_off"],
        };
        if events != noted {
            return Err(format!("its events are {events:?}"));
        }
        if let Some(wish) = trip.called_off_by
            && self.ended(wish) != Some((succeeded, None, Some(2)))
        {
            return Err(format!("it was not called off: {:?}", self.command(wish)));
        }
        if trip.fate == Fate::GivenUp {
            return Ok(());
        }
        self.has_its_seats(trip, is_booked && trip.called_off_by.is_none())?;
        self.is_paid_for(trip, is_booked)
    }

    fn has_its_seats(&self, trip: &TripPlan, keeps: bool) -> Verdict {
        for seat in &trip.seats {
            if (self.holder(seat) == Some(&*trip.id)) != keeps {
                return Err(format!("{seat} is held by {:?}", self.holder(seat)));
            }
            let taken = self.changes(seat).iter().filter(|change| **change == ("taken", &*trip.id)).count();
            if taken > 1 || (keeps && taken != 1) {
                return Err(format!("{seat} was taken {taken} times"));
            }
        }
        Ok(())
    }

    fn is_paid_for(&self, trip: &TripPlan, is_booked: bool) -> Verdict {
        let [charged, refunded, announced] =
            ["trip.charge", "trip.refund", "seat.announce"].map(|kind| self.provider.times(kind, &trip.id));
        let given_back = trip.called_off_by.is_some() || trip.fate == Fate::Impatient;
        // What an instance that has ended has called is tried once, and then not wanted any more.
        let is_right = refunded == u32::from(given_back)
            && announced <= u32::from(is_booked)
            && (charged == u32::from(is_booked) || (trip.fate == Fate::Impatient && charged < 2));
        if is_right {
            Ok(())
        } else {
            Err(format!("charged {charged} times, refunded {refunded} times, announced {announced} times"))
        }
    }

    fn payment(&self, payment: &PaymentPlan) -> Verdict {
        let expected =
            if payment.goes_well { (State::Succeeded, None) } else { (State::Failed, Some("declined")) };
        let ended = self.ended(payment.made_by).map(|(state, slug, _)| (state, slug));
        if ended != Some(expected) {
            return Err(format!("it has not come out as it had to: {:?}", self.command(payment.made_by)));
        }
        let events = self.events("transaction", &payment.id);
        let last = if payment.goes_well { "completed" } else { "declined" };
        let ends = events.iter().filter(|event| **event == last).count();
        let made = self.provider.times("transaction.make", &payment.id);
        if made == 1 && ends == 1 { Ok(()) } else { Err(format!("it was made {made} times: {events:?}")) }
    }

    fn events(&self, kind: &str, id: &str) -> Vec<&str> {
        let name = format!("{kind}/{id}");
        let events = self.stored.events.iter().filter(|event| event.aggregate == name);
        events.filter_map(|event| event.payload["type"].as_str()).collect()
    }

    /// Who has taken a seat and left it, in order.
    fn changes(&self, seat: &str) -> Vec<(&str, &str)> {
        let name = format!("seat/{seat}");
        let events = self.stored.events.iter().filter(|event| event.aggregate == name);
        events
            .filter_map(|event| Some((event.payload["type"].as_str()?, event.payload["trip"].as_str()?)))
            .collect()
    }

    fn holder(&self, seat: &str) -> Option<&str> {
        let mut holders: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        for (what, trip) in self.changes(seat) {
            holders.insert(seat, (what == "taken").then_some(trip));
        }
        holders.get(seat).copied().flatten()
    }
}
