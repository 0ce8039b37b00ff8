//! A line between two programs that can be disturbed.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::postgres_talk::Talk;

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// Every piece arrives late.
    Delay(Duration),
    /// Connections stay open, and nothing arrives.
    Stall,
    /// Requests arrive, and no answer does: what was asked for is done, and nobody knows.
    Deaf,
    /// On a line to PostgreSQL: each write is asked for and done in full, and its answer is lost with the connection.
    /// What reads is served as usual.
    Unheard,
    /// The other side is gone without a word: what is sent goes nowhere, what it sends still arrives.
    HalfOpen,
    /// Connections are refused.
    Down,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    trouble: Trouble,
    /// Connections of an earlier generation are reset.
    generation: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Request,
    Answer,
}

/// What the other side is to hear of a piece.
enum Heard {
    All,
    Nothing,
    /// Nothing, and the connection is reset.
    NothingMore,
}

/// A listener on the loopback address that passes everything on to another port there.
pub struct Proxy {
    port: u16,
    state: Arc<watch::Sender<State>>,
    /// Bytes that may still pass before everything is reset; negative: no limit.
    budget: Arc<AtomicI64>,
    /// Writes that were done and not heard of.
    unheard: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A line without trouble.
    pub async fn to(port: u16) -> Self {
        Self::carrying(Content::Bytes, port).await
    }

    /// A line to PostgreSQL, which knows what a write is.
    pub async fn to_postgres(port: u16) -> Self {
        Self::carrying(Content::Postgres, port).await
    }

    async fn carrying(content: Content, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("it has an address").port();
        let state = Arc::new(watch::Sender::new(State::default()));
        let budget = Arc::new(AtomicI64::new(-1));
        let unheard = Arc::<AtomicUsize>::default();
        let line = Line {
            to: SocketAddr::from(([127, 0, 0, 1], port)),
            content,
            state: Arc::clone(&state),
            budget: Arc::clone(&budget),
            unheard: Arc::clone(&unheard),
        };
        Self { port: own, state, budget, unheard, accepting: tokio::spawn(line.accept(listener)) }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets what is wrong from now on.
    pub fn set(&self, trouble: Trouble) {
        self.state.send_modify(|state| state.trouble = trouble);
    }

    /// How many writes were done so far whose answer was lost with the connection.
    pub fn unheard(&self) -> usize {
        self.unheard.load(Ordering::Relaxed)
    }

    /// Resets every connection there is.
    pub fn reset(&self) {
        self.state.send_modify(|state| state.generation += 1);
    }

    /// Resets every connection once so many more bytes have passed.
    pub fn cut_after(&self, bytes: u32) {
        self.budget.store(i64::from(bytes), Ordering::Relaxed);
    }

    /// Nothing is wrong any more. Connections that have lost bytes are reset: they are of no use.
    pub fn heal(&self) {
        self.budget.store(-1, Ordering::Relaxed);
        self.state.send_modify(|state| {
            if matches!(state.trouble, Trouble::Deaf | Trouble::HalfOpen) {
                state.generation += 1;
            }
            state.trouble = Trouble::None;
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.reset();
    }
}

#[derive(Clone, Copy)]
enum Content {
    Bytes,
    Postgres,
}

#[derive(Clone)]
struct Line {
    to: SocketAddr,
    content: Content,
    state: Arc<watch::Sender<State>>,
    budget: Arc<AtomicI64>,
    unheard: Arc<AtomicUsize>,
}

/// What is followed on a connection to PostgreSQL.
#[derive(Default)]
struct Followed {
    talk: Talk,
    /// The question whose answer is lost, and the connection with it.
    doomed: Option<u64>,
}

impl Line {
    async fn accept(self, listener: TcpListener) {
        while let Ok((near, _)) = listener.accept().await {
            let _ = near.set_nodelay(true);
            if self.state.borrow().trouble == Trouble::Down {
                let _ = near.set_zero_linger();
                continue;
            }
            let line = self.clone();
            tokio::spawn(async move {
                match TcpStream::connect(line.to).await {
                    Ok(far) => line.carry(near, far).await,
                    Err(_) => drop(near.set_zero_linger()),
                }
            });
        }
    }

    async fn carry(self, near: TcpStream, far: TcpStream) {
        let mut changes = self.state.subscribe();
        let generation = changes.borrow_and_update().generation;
        // A connection that is dropped with this set is reset instead of closed in good order.
        for stream in [&near, &far] {
            let _ = stream.set_nodelay(true);
            let _ = stream.set_zero_linger();
        }
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        let followed = Mutex::default();
        let requests = self.pump(near_read, far_write, Direction::Request, &followed);
        let answers = self.pump(far_read, near_write, Direction::Answer, &followed);
        tokio::select! {
            _ = requests => {}
            _ = answers => {}
            _ = changes.wait_for(|state| state.generation != generation || state.trouble == Trouble::Down) => {}
        }
    }

    async fn pump(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        way: Direction,
        followed: &Mutex<Followed>,
    ) -> io::Result<()> {
        let mut piece = vec![0; 16 << 10];
        let mut changes = self.state.subscribe();
        loop {
            let count = from.read(&mut piece).await?;
            if count == 0 {
                return Ok(());
            }
            let moves = changes.wait_for(|state| state.trouble != Trouble::Stall).await;
            let trouble = moves.map_or(Trouble::None, |state| state.trouble);
            match (trouble, way) {
                (Trouble::Deaf, Direction::Answer) | (Trouble::HalfOpen, Direction::Request) => continue,
                (Trouble::Delay(time), _) => tokio::time::sleep(time).await,
                _ => {}
            }
            match self.follow(&piece[..count], way, trouble, followed) {
                Heard::All => {}
                Heard::Nothing => continue,
                Heard::NothingMore => return Ok(()),
            }
            let allowed = self.spend(count);
            to.write_all(&piece[..allowed]).await?;
            if allowed < count {
                self.state.send_modify(|state| state.generation += 1);
                return Ok(());
            }
        }
    }

    /// Whether what passes here is to arrive.
    fn follow(&self, piece: &[u8], way: Direction, trouble: Trouble, followed: &Mutex<Followed>) -> Heard {
        if matches!(self.content, Content::Bytes) {
            return Heard::All;
        }
        let mut followed = followed.lock().unwrap_or_else(PoisonError::into_inner);
        if way == Direction::Request {
            let written = followed.talk.asks(piece).filter(|_| trouble == Trouble::Unheard);
            // Known before the request is passed on, so before there can be an answer.
            followed.doomed = followed.doomed.or(written);
            return Heard::All;
        }
        let answered = followed.talk.answers(piece);
        match (followed.doomed, answered) {
            (None, _) => Heard::All,
            (Some(doomed), Some(answered)) if answered.number >= doomed => {
                self.unheard.fetch_add(usize::from(answered.completed), Ordering::Relaxed);
                Heard::NothingMore
            }
            (Some(_), _) => Heard::Nothing,
        }
    }

    /// How many of `count` bytes may still pass. When the budget is spent, it is gone.
    fn spend(&self, count: usize) -> usize {
        let wanted = count as i64;
        let spend = |left: i64| (left >= 0).then(|| if left > wanted { left - wanted } else { -1 });
        match self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend) {
            Ok(left) if left <= wanted => left.saturating_sub(1).max(0) as usize,
            _ => count,
        }
    }
}
