use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{Egress, Refused};

/// Finds the addresses of names, as a connection is made. When one of them may not be called, none is: else it would
/// be chance whether the filter holds.
pub struct Guarded {
    /// Which may be called.
    pub egress: Arc<Egress>,
    /// What finds them.
    pub names: Arc<dyn Resolve>,
}

/// Names as the machine finds them.
pub struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port of the URL takes the place of this one.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let found = self.names.resolve(name);
        let egress = Arc::clone(&self.egress);
        Box::pin(async move {
            let found: Vec<SocketAddr> = found.await?.collect();
            if let Some(address) = found.iter().find(|address| !egress.permits(address.ip())) {
                tracing::debug!(host, address = %address.ip(), "a name leads to an address that may not be called");
                return Err(Refused::Name(host).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// That a call failed because of [`Guarded`].
pub fn refusal<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Refused> {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.find_map(|error| error.downcast_ref())
}
