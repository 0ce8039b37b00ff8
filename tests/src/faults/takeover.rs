//! How soon the partitions of a replica that stands still are served by another.

use std::time::{Duration, Instant};

use wilco_application::partition::partition_of;

use super::World;
use super::world::{LEASE, accepted};
use crate::client::{Client, create_pet};
use crate::postgres::PARTITIONS;

/// Within what time after the end of the lease another has taken over and applied what waited.
const AFTER_LEASE: Duration = Duration::from_secs(3);
/// What asking over HTTP may add.
const ASKING: Duration = Duration::from_millis(500);

/// A command for an aggregate of each partition, given to another replica than the one that has stood still since
/// then. How long after that all of them were settled: in time. Nothing when there is no other.
pub(super) async fn timed(world: &mut World, still: usize, since: Instant) -> Option<Duration> {
    let other = (0..world.replicas.len()).find(|index| *index != still)?;
    let client = world.replicas[other].client().clone();
    let pets = one_of_each_partition(&world.fresh_name("taken-over"));
    let given =
        futures::future::join_all(pets.iter().map(|pet| accepted(&client, pet, create_pet(pet)))).await;
    all_settled(&client, &given).await;
    let took = since.elapsed();
    assert!(took < LEASE + AFTER_LEASE + ASKING, "it took {took:?} until another replica had taken over");
    world.promises.accepted.extend(pets.into_iter().zip(given));
    Some(took)
}

/// One after the other: a poll of each at a time would be a load of its own.
async fn all_settled(client: &Client, ids: &[String]) {
    for id in ids {
        client.settled(id).await;
    }
}

/// Names of pets, one in each partition.
fn one_of_each_partition(name: &str) -> Vec<String> {
    let in_partition = |partition: u16| {
        let names = (0..).map(|number| format!("{name}-{number}"));
        names.into_iter().find(|pet| partition_of("pet", pet, PARTITIONS) == partition)
    };
    (0..PARTITIONS).filter_map(in_partition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_gets_a_pet() {
        let mut pets = one_of_each_partition("pet");
        pets.sort_unstable();
        pets.dedup();
        assert_eq!(pets.len(), usize::from(PARTITIONS));
    }
}
