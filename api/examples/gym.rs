//! A program of its own: the memberships of a gym. `cargo run --example gym`

use wilco::prelude::*;

/// The memberships of a gym.
#[state]
struct Membership {
    plan: Plan,
    #[schemars(email)]
    member_email: String,
    price: Option<Money>,
    status: Status,
    paused_until: Option<NaiveDate>,
}

#[value]
enum Plan {
    #[default]
    Basic,
    Plus,
}

#[value]
enum Status {
    #[default]
    Active,
    Paused,
    Cancelled,
}

#[commands]
enum Command {
    #[creates]
    Start {
        plan: Plan,
        #[schemars(email)]
        member_email: String,
        price: Money,
    },
    ChangePlan {
        plan: Plan,
    },
    /// Pause a membership until a day to come
    Pause {
        until: NaiveDate,
    },
    Resume,
    Cancel {
        reason: Option<String>,
    },
}

#[events]
enum Event {
    Started { plan: Plan, member_email: String, price: Money },
    PlanChanged { plan: Plan },
    Paused { until: NaiveDate },
    Resumed,
    Cancelled { reason: Option<String> },
}

#[refusals]
enum Refusal {
    /// The membership has ended; it stays as it is.
    #[rule("the membership is cancelled")]
    Cancelled,
    /// The membership is paused already. Resume it first.
    #[rule("the membership is paused already")]
    Paused,
    /// The membership is not paused: there is nothing to resume.
    #[rule("the membership is not paused")]
    NotPaused,
    #[invalid("{0} is past")]
    Past(NaiveDate),
}

impl Decider for Membership {
    const TYPE: &'static str = "membership";
    const INDEXED: &'static [&'static str] = &["plan", "member_email"];
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, context: &Context) -> Result<Vec<Event>, Refusal> {
        Ok(vec![match (command, self.status) {
            (Command::Start { plan, member_email, price }, _) => Event::Started { plan, member_email, price },
            (_, Status::Cancelled) => return Err(Refusal::Cancelled),
            (Command::ChangePlan { plan }, _) => Event::PlanChanged { plan },
            (Command::Pause { .. }, Status::Paused) => return Err(Refusal::Paused),
            (Command::Pause { until }, _) if until <= context.today() => return Err(Refusal::Past(until)),
            (Command::Pause { until }, _) => Event::Paused { until },
            (Command::Resume, Status::Active) => return Err(Refusal::NotPaused),
            (Command::Resume, _) => Event::Resumed,
            (Command::Cancel { reason }, _) => Event::Cancelled { reason },
        }])
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Started { plan, member_email, price } => {
                *self = Self { plan, member_email, price: Some(price), ..Self::default() };
            }
            Event::PlanChanged { plan } => self.plan = plan,
            Event::Paused { until } => (self.status, self.paused_until) = (Status::Paused, Some(until)),
            Event::Resumed => (self.status, self.paused_until) = (Status::Active, None),
            Event::Cancelled { .. } => self.status = Status::Cancelled,
        }
    }
}

fn program() -> wilco::Program {
    wilco::program("gym").aggregate::<Membership>("memberships")
}

fn main() -> std::process::ExitCode {
    program().run()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wilco::testing::Server;

    use super::*;

    fn started() -> Event {
        let price = Money { amount: 2900, currency: Currency::try_from("EUR".to_owned()).unwrap() };
        Event::Started { plan: Plan::Basic, member_email: "ann@example.org".into(), price }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_membership_is_paused_until_a_day_to_come() {
        let member = given::<Membership>([started()]).at("2026-11-28T12:00:00Z".parse().unwrap());
        let pause = |until: &str| member.when(Command::Pause { until: day(until) });
        pause("2026-12-01").then([Event::Paused { until: day("2026-12-01") }]);
        pause("2026-11-28").refused(&Refusal::Past(day("2026-11-28")));
    }

    #[test]
    fn a_cancelled_membership_stays_as_it_is() {
        let member = given::<Membership>([started(), Event::Cancelled { reason: None }]);
        member.when(Command::Resume).refused(&Refusal::Cancelled);
    }

    #[tokio::test]
    async fn a_client_starts_pauses_and_finds_a_membership() {
        let server = Server::start(program()).await;
        let start = json!({
            "id": "m-1", "plan": "plus", "member_email": "ann@example.org",
            "price": { "amount": 4900, "currency": "EUR" },
        });
        server.done("/v1/memberships", &start).await.expect(201);
        server.done("/v1/memberships/m-1/pause", &json!({ "until": "2999-01-01" })).await.expect(200);
        server
            .done("/v1/memberships/m-1/pause", &json!({ "until": "2999-01-01" }))
            .await
            .expect_problem(409, "membership-paused");
        server.get("/problems/membership-paused").await.expect(200);
        let member = server.get("/v1/memberships/m-1").await.expect(200).json();
        assert_eq!((&member["status"], &member["paused_until"]), (&json!("paused"), &json!("2999-01-01")));
        server.post("/v1/memberships", &json!({ "plan": "plus", "member_email": "ann" })).await.expect(400);
        assert_eq!(server.get("/v1/pets").await.status, 404);
        for (query, found) in
            [("plan=plus", 1), ("plan=basic", 0), ("member_email=ann@example.org&status=paused", 1)]
        {
            let list = server.get(&format!("/v1/memberships?{query}")).await.expect(200).json();
            assert_eq!(list["items"].as_array().unwrap().len(), found, "{query}");
        }
        server.get("/v1/memberships?plan=gold").await.expect_problem(400, "invalid-parameter");
    }
}
