//! A line to another program that is far away: everything arrives, in order, after a time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

/// Pieces that may be on their way: more than a fast sender fills in the time.
const ON_THE_WAY: usize = 4096;

/// A listener on the loopback address that passes everything on to another port there, later. Unlike
/// [`Trouble::Delay`](super::Trouble::Delay) it does not make the line narrow.
pub struct FarLine {
    port: u16,
    /// Microseconds that everything takes, each way.
    one_way: Arc<AtomicU64>,
    _accepting: AbortOnDropHandle<()>,
}

impl FarLine {
    /// A line on which everything takes so long, each way.
    pub async fn to(port: u16, one_way: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("it has an address").port();
        let one_way = Arc::new(AtomicU64::new(one_way.as_micros() as u64));
        let distance = Arc::clone(&one_way);
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, SocketAddr::from(([127, 0, 0, 1], port)), Arc::clone(&distance)));
            }
        });
        Self { port: own, one_way, _accepting: AbortOnDropHandle::new(accepting) }
    }

    /// Moves the other side to another distance.
    pub fn set(&self, one_way: Duration) {
        self.one_way.store(one_way.as_micros() as u64, Ordering::Relaxed);
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }
}

async fn carry(near: TcpStream, far: SocketAddr, one_way: Arc<AtomicU64>) -> io::Result<()> {
    let far = TcpStream::connect(far).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::select! {
        ended = later(near_read, far_write, &one_way) => ended,
        ended = later(far_read, near_write, &one_way) => ended,
    }
}

async fn later(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, one_way: &AtomicU64) -> io::Result<()> {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(ON_THE_WAY);
    let read = async move {
        let mut piece = vec![0; 64 << 10];
        loop {
            let count = from.read(&mut piece).await?;
            let due = Instant::now() + Duration::from_micros(one_way.load(Ordering::Relaxed));
            if count == 0 || sender.send((due, piece[..count].to_vec())).await.is_err() {
                return Ok(());
            }
        }
    };
    let write = async {
        while let Some((due, piece)) = pieces.recv().await {
            tokio::time::sleep_until(due).await;
            to.write_all(&piece).await?;
        }
        Ok(())
    };
    tokio::try_join!(read, write).map(drop)
}
