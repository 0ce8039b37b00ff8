//! The one address at which whatever server there is can be reached, for those who cannot be told of another.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::client::Client;

/// How long a request that is under way is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Door {
    Open,
    /// What is under way is answered; nothing else comes in.
    Closing,
    Shut,
}

/// A listener on the loopback address that passes everything on to one of the servers, while it is open.
pub(super) struct Doorway {
    port: u16,
    door: watch::Sender<Door>,
    /// Requests that went in and were not answered.
    unanswered: Arc<AtomicUsize>,
    _accepting: AbortOnDropHandle<()>,
}

impl Doorway {
    /// An open one.
    pub(super) async fn to(servers: watch::Receiver<Vec<Client>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it has an address").port();
        let (door, seen) = watch::channel(Door::Open);
        let unanswered = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&unanswered);
        let accepting = tokio::spawn(async move {
            for turn in 0.. {
                let Ok((near, _)) = listener.accept().await else { return };
                let to = {
                    let servers = servers.borrow();
                    servers.get(turn % servers.len().max(1)).map(address)
                };
                if let (Some(to), Door::Open) = (to, *seen.borrow()) {
                    tokio::spawn(carry(near, to, seen.clone(), Arc::clone(&count)));
                }
            }
        });
        Self { port, door, unanswered, _accepting: AbortOnDropHandle::new(accepting) }
    }

    /// The port it listens on.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Lets nothing in any more. When this is done, every request that a server has got was answered.
    pub(super) async fn shut(&self) {
        self.door.send_replace(Door::Closing);
        let answered = async {
            while self.unanswered.load(Ordering::Acquire) > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // One whose end has not come in is never acted on.
        let _ = tokio::time::timeout(PATIENCE, answered).await;
        self.door.send_replace(Door::Shut);
    }

    /// Lets everything in again.
    pub(super) fn open(&self) {
        self.door.send_replace(Door::Open);
    }
}

fn address(server: &Client) -> String {
    server.base().trim_start_matches("http://").to_owned()
}

/// A request that was not answered yet, while this lives.
struct Unanswered(Arc<AtomicUsize>);

impl Unanswered {
    fn one(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(count))
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

async fn carry(
    mut near: TcpStream,
    to: String,
    mut door: watch::Receiver<Door>,
    count: Arc<AtomicUsize>,
) -> io::Result<()> {
    let mut far = TcpStream::connect(to).await?;
    let (mut asked, mut answered) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    let mut waiting = None;
    loop {
        let now = *door.borrow_and_update();
        if now == Door::Shut || (now == Door::Closing && waiting.is_none()) {
            return Ok(());
        }
        tokio::select! {
            read = near.read(&mut asked), if now == Door::Open => {
                let size = read.ok().filter(|size| *size > 0).ok_or(io::ErrorKind::UnexpectedEof)?;
                waiting.get_or_insert_with(|| Unanswered::one(&count));
                far.write_all(&asked[..size]).await?;
            }
            read = far.read(&mut answered) => {
                let size = read.ok().filter(|size| *size > 0).ok_or(io::ErrorKind::UnexpectedEof)?;
                near.write_all(&answered[..size]).await?;
                waiting = None;
            }
            changed = door.changed() => changed.map_err(|_| io::ErrorKind::NotConnected)?,
        }
    }
}
