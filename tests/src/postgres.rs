//! A private PostgreSQL of the installed binaries. One server serves all tests of a process, each in a database of its
//! own; a test that stops the server takes one for itself.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection, Executor, PgConnection};

use crate::wait_for;

/// Partitions of a new store on PostgreSQL.
pub const PARTITIONS: u16 = 8;

/// A running server. It ends with this value, or with the process.
pub struct PostgresServer {
    port: u16,
    dir: PathBuf,
    shell: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

static SHARED: OnceLock<(u16, PostgresServer)> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

impl PostgresServer {
    /// Starts one. Panics, with the reason, when that is not possible: a test that needs it must not pass without.
    pub fn start() -> Self {
        Self::following("")
    }

    /// Starts a standby of this one.
    #[must_use]
    pub fn standby(&self) -> Self {
        Self::following(&self.port.to_string())
    }

    fn following(primary: &str) -> Self {
        let port = free_port();
        let dir = std::env::temp_dir().join(format!("wilco-postgres-{}-{port}", std::process::id()));
        std::fs::create_dir(&dir).expect("a directory for PostgreSQL");
        let mut shell = as_unprivileged(&dir)
            .args(["-c", include_str!("postgres.sh"), "postgres.sh"])
            .args([&binaries(), &dir])
            .args([&port.to_string(), primary])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell to run PostgreSQL");
        let commands = shell.stdin.take().expect("its input is piped");
        let answers = BufReader::new(shell.stdout.take().expect("its output is piped"));
        let log = dir.join("log");
        let mut server = Self { port, dir, shell, commands: Some(commands), answers };
        assert_eq!(server.answer(), "ready", "initdb failed: {:?}", std::fs::read_to_string(log));
        server
    }

    /// The folder of its socket.
    pub fn socket(&self) -> &Path {
        &self.dir
    }

    /// A connection of the administrator to one of its databases.
    pub async fn admin(&self, database: &str) -> PgConnection {
        admin(self.port, database).await
    }

    /// Has it refuse whatever writes, or take it again.
    pub async fn be_read_only(&self, read_only: bool) {
        let mut admin = self.admin("postgres").await;
        // A session of a server that is read-only may still change this.
        let change = format!("ALTER SYSTEM SET default_transaction_read_only = {read_only}");
        admin.execute(change.as_str()).await.expect("the setting is changed");
        admin.execute("SELECT pg_reload_conf()").await.expect("the settings are read again");
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server as a crash would.
    pub fn crash(&mut self) {
        self.command("stop");
    }

    /// Starts it again, on the same port and data.
    pub fn start_again(&mut self) {
        self.command("start");
    }

    /// Makes an empty database; its URL.
    pub async fn database(&self) -> String {
        fresh_database(self.port).await
    }

    fn command(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("it runs");
        writeln!(commands, "{command}").expect("the shell reads");
        assert_eq!(self.answer(), "done");
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the shell answers");
        line.trim_end().to_owned()
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        drop(self.commands.take());
        drop(self.shell.wait());
    }
}

/// Makes an empty database on the server that the tests of this process share; its URL.
pub async fn database() -> String {
    let start = || {
        let server = PostgresServer::start();
        (server.port, server)
    };
    let port =
        tokio::task::spawn_blocking(move || SHARED.get_or_init(start).0).await.expect("PostgreSQL starts");
    fresh_database(port).await
}

async fn fresh_database(port: u16) -> String {
    let name = format!("wilco_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let create = format!("CREATE DATABASE {name}");
    admin(port, "postgres").await.execute(create.as_str()).await.expect("a database is made");
    url(port, &name)
}

/// Makes a copy of a database that nobody is connected to; its URL.
pub async fn copy_of(url: &str) -> String {
    let (server, original) = url.rsplit_once('/').expect("a URL ends with the database");
    let name = format!("wilco_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let mut connection =
        PgConnection::connect(&format!("{server}/postgres")).await.expect("PostgreSQL answers");
    let copy = format!("CREATE DATABASE {name} TEMPLATE {original}");
    connection.execute(copy.as_str()).await.expect("the database is copied");
    format!("{server}/{name}")
}

/// Makes a database that nobody is connected to what its copy is.
pub async fn put_back(url: &str, copy: &str) {
    let (server, original) = url.rsplit_once('/').expect("a URL ends with the database");
    let (_, copy) = copy.rsplit_once('/').expect("a URL ends with the database");
    let mut connection =
        PgConnection::connect(&format!("{server}/postgres")).await.expect("PostgreSQL answers");
    for statement in
        [format!("DROP DATABASE {original}"), format!("CREATE DATABASE {original} TEMPLATE {copy}")]
    {
        connection.execute(statement.as_str()).await.expect("the database is put back");
    }
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/{database}")
}

async fn admin(port: u16, database: &str) -> PgConnection {
    let connect = async || PgConnection::connect(&url(port, database)).await;
    wait_for("PostgreSQL to answer", connect, Result::is_ok).await.expect("it answers")
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has an address").port()
}

/// A shell that may run PostgreSQL, which refuses to be root: as its own user, if this is root.
pub(crate) fn as_unprivileged(dir: &Path) -> Command {
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !root {
        return Command::new("sh");
    }
    let given = Command::new("chown").arg("postgres").arg(dir).status();
    assert!(
        given.is_ok_and(|given| given.success()),
        "PostgreSQL does not run as root, and there is no user postgres"
    );
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh"]).current_dir(dir);
    command
}

/// The newest of the installed ones.
fn binaries() -> PathBuf {
    let version =
        |path: &PathBuf| path.file_name().and_then(OsStr::to_str).and_then(|name| name.parse::<u32>().ok());
    let installed =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let newest = installed.filter(|path| path.join("bin/postgres").exists()).max_by_key(version);
    newest.expect("PostgreSQL is installed in /usr/lib/postgresql: these tests need it").join("bin")
}
