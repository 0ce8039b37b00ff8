//! CPU time of the processes that take part in a measurement, from `/proc`.

use std::collections::HashMap;
use std::ops::Sub;
use std::time::Duration;

/// What each party has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// The server.
    pub server: Duration,
    /// PostgreSQL, all its processes.
    pub postgres: Duration,
    /// nats-server.
    pub nats: Duration,
    /// Programs that this one has run to their end: the load generator.
    pub load: Duration,
}

/// The kernel counts in hundredths of a second for programs, whatever it does inside.
const TICK: Duration = Duration::from_millis(10);

struct Process {
    name: String,
    parent: u32,
    own: Duration,
    /// Of its children that have ended.
    ended: Duration,
}

impl Cpu {
    /// As of now; only children of this program are looked at.
    pub fn now(server: u32) -> Self {
        let processes = processes();
        let me = std::process::id();
        let mut cpu = Self::default();
        for (id, process) in &processes {
            if *id == me {
                cpu.load = process.ended;
            } else if *id == server {
                cpu.server = process.own;
            } else if is_below(&processes, *id, me) {
                match process.name.as_str() {
                    "postgres" => cpu.postgres += process.own + process.ended,
                    "nats-server" => cpu.nats += process.own,
                    _ => {}
                }
            }
        }
        cpu
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            server: self.server.saturating_sub(before.server),
            postgres: self.postgres.saturating_sub(before.postgres),
            nats: self.nats.saturating_sub(before.nats),
            load: self.load.saturating_sub(before.load),
        }
    }
}

fn is_below(processes: &HashMap<u32, Process>, mut id: u32, top: u32) -> bool {
    while let Some(process) = processes.get(&id) {
        if process.parent == top {
            return true;
        }
        id = process.parent;
    }
    false
}

fn processes() -> HashMap<u32, Process> {
    let entries = std::fs::read_dir("/proc").expect("there is /proc");
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter_map(|id| Some((id, read(id)?))).collect()
}

/// `id (name) state parent …`; the name may hold anything, the rest does not (proc(5)).
fn read(id: u32) -> Option<Process> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (name, rest) = (stat.split_once('(')?.1).rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |from: usize| {
        let sum = fields.get(from)?.parse::<u32>().ok()? + fields.get(from + 1)?.parse::<u32>().ok()?;
        Some(TICK * sum)
    };
    Some(Process {
        name: name.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        own: ticks(11)?,
        ended: ticks(13)?,
    })
}
