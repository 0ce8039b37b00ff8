//! Activities on both stores: what is asked of the outside is tried as its policy says, counted before it is tried,
//! heard of once, and left alone where somebody else is at it.

#![allow(clippy::unwrap_used, reason = "all of this is tests")]

// The attributes name what they need by the crate that aggregates are usually written with.
extern crate wilco_domain as wilco;

mod answers;
mod crashes;
mod destinations;
mod doubt;
mod letters;
mod office;
mod postman;
mod takeover;
mod waiting;

/// Runs a fact on both stores.
macro_rules! on_both_stores {
    ($($fact:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() { super::$fact(wilco_tests::trial::Place::sqlite().await).await; })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() { super::$fact(wilco_tests::trial::Place::postgres().await).await; })+
        }
    };
}
pub(crate) use on_both_stores;
