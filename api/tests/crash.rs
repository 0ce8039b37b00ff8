//! The program that ships, killed again and again.

use serde_json::{Value, json};
use wilco::testing::{CrashRun, Sent, crash_run};

/// Commands for a few pets: some make one, most meet one that others change as well; and orders for them.
fn command(number: u32) -> Sent {
    let target = format!("pet-{}", number % 40);
    let order = json!({ "order_id": format!("order-{number}") });
    if number.is_multiple_of(6) {
        let data = json!({ "pet_id": target });
        return Sent { command_type: "order.place".to_owned(), target: format!("order-{number}"), data };
    }
    let (command_type, data): (_, Value) = match number % 5 {
        0 => ("pet.reserve", order),
        1 => ("pet.delete", json!({})),
        2 => ("pet.sell", json!({})),
        _ => ("pet.create", json!({ "name": "Rex", "category": "dog" })),
    };
    Sent { command_type: command_type.to_owned(), target, data }
}

#[tokio::test]
async fn nothing_is_lost_or_done_twice_by_a_program_that_is_killed() {
    crash_run(env!("CARGO_BIN_EXE_wilco"), CrashRun::default(), command).await;
}
