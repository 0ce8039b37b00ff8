use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What runs beside the accept loop, and ends with it.
#[derive(Clone, Default)]
pub struct Beside {
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Beside {
    /// Runs this, until its end or that of the sandbox.
    pub fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.stopping.clone().run_until_cancelled_owned(task);
        drop(self.tasks.spawn(async {
            task.await;
        }));
    }

    /// Ends everything.
    pub async fn end(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
