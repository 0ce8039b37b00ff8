use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Longer than anything here takes, short enough to be waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until the answer is as wished, and returns it; gives up after 20 s and says what the last answer was.
pub async fn wait_for<T: Debug>(
    what: &str,
    mut ask: impl AsyncFnMut() -> T,
    wished: impl Fn(&T) -> bool,
) -> T {
    let start = Instant::now();
    loop {
        let answer = ask().await;
        if wished(&answer) {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}; last seen: {answer:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
