//! Which partition an aggregate belongs to.

use xxhash_rust::xxh3::xxh3_64;

/// The partition of an aggregate among `partitions`: XXH3-64 (seed 0) of type, a zero byte and id, modulo their
/// number. It is part of the stored data and must never change.
pub fn partition_of(aggregate_type: &str, aggregate_id: &str, partitions: u16) -> u16 {
    let hash = xxh3_64([aggregate_type, "\0", aggregate_id].concat().as_bytes());
    u16::try_from(hash % u64::from(partitions.max(1))).unwrap_or_default()
}

/// The partition as the last token of a subject: `p07`.
pub fn token(partition: u16) -> String {
    format!("p{partition:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_what_stored_data_relies_on() {
        let of = |id| partition_of("pet", id, 16);
        assert_eq!([of("pet-1"), of("pet-2"), of("pet-42"), of("")], PINNED);
    }

    /// Computed once; a change here orphans every stored command.
    const PINNED: [u16; 4] = [2, 15, 0, 13];

    #[test]
    fn aggregates_spread_over_all_partitions() {
        let used: std::collections::HashSet<u16> =
            (0..1000).map(|n| partition_of("pet", &format!("pet-{n}"), 16)).collect();
        assert_eq!(used.len(), 16);
    }
}
