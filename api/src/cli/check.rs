use std::sync::Arc;

use wilco_application::catalog::Catalog;
use wilco_application::check::{self, Finding, Ids};
use wilco_application::ports::StoreError;

use crate::bootstrap::OpenStore;

/// This version of the program cannot go on with what is stored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be looked at.
    #[error("the store cannot be checked")]
    Store(#[from] StoreError),
    /// Something is missing.
    #[error("{}", list(.0))]
    Missing(Vec<Finding>),
}

/// Looks whether this version can read what is stored; what is only odd goes to the log.
pub async fn run(store: &OpenStore, catalog: &Arc<Catalog>, ids: Ids) -> Result<(), Error> {
    let report = check::check(&*store.shared(), catalog, ids).await?;
    for oddity in report.oddities {
        tracing::warn!("{oddity}");
    }
    if report.findings.is_empty() { Ok(()) } else { Err(Error::Missing(report.findings)) }
}

fn list(findings: &[Finding]) -> String {
    let mut text = "this version of the program cannot read all that is stored:".to_owned();
    for finding in findings {
        text.push_str("\n  - ");
        text.push_str(&finding.to_string());
    }
    text.push_str(
        "\ndocs/changing.md says how it learns to (serde's default and alias, or an upcaster); to serve all else \
         meanwhile, start it with `serve --force`",
    );
    text
}
