//! The built `wilco` program as a process of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::client::Client;
use crate::wait_for;

/// How to start a server.
#[derive(Clone, Debug)]
pub struct Wilco {
    store: String,
    nats: Option<String>,
    listen: String,
    settings: Vec<String>,
    forced: bool,
    program: Option<PathBuf>,
    environment: Vec<(String, String)>,
}

impl Wilco {
    /// A server on this store.
    pub fn on(store: impl Into<String>) -> Self {
        Self {
            store: store.into(),
            nats: None,
            listen: "127.0.0.1:0".to_owned(),
            settings: Vec::new(),
            forced: false,
            program: None,
            environment: Vec::new(),
        }
    }

    /// With notifications to this NATS server.
    #[must_use]
    pub fn nats(mut self, url: impl Into<String>) -> Self {
        self.nats = Some(url.into());
        self
    }

    /// At the address of a server that has ended.
    #[must_use]
    pub fn at(mut self, base: &str) -> Self {
        base.trim_start_matches("http://").clone_into(&mut self.listen);
        self
    }

    /// With a setting other than its default.
    #[must_use]
    pub fn set(mut self, assignment: &str) -> Self {
        self.settings.push(assignment.to_owned());
        self
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Whatever the check of the store finds.
    #[must_use]
    pub fn forced(mut self) -> Self {
        self.forced = true;
        self
    }

    /// Another build of the program.
    #[must_use]
    pub fn program(mut self, file: impl Into<PathBuf>) -> Self {
        self.program = Some(file.into());
        self
    }

    /// Starts it, on a free port of the loopback address, and waits until it is ready.
    pub async fn start(&self) -> Server {
        let mut server = self.spawn();
        wait_for("the server to be ready", async || server.look(), |seen| *seen != Seen::Starting).await;
        assert!(server.client.is_some(), "the server ended as it started:\n{}", server.log());
        let ready = async || server.client().get("/readyz").await.map(|reply| reply.status);
        wait_for("the server to be ready", ready, |status| *status == Ok(200)).await.expect("it is");
        server
    }

    /// The same for one that may die of what it finds to do.
    pub async fn start_unless_it_dies(&self) -> Option<Server> {
        let mut server = self.spawn();
        wait_for("the server to begin", async || server.look(), |seen| *seen != Seen::Starting).await;
        while !server.has_ended() {
            let client = server.client.as_ref()?;
            if client.get("/readyz").await.is_ok_and(|reply| reply.status == 200) {
                return Some(server);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        None
    }

    /// Starts it without waiting for anything.
    pub fn spawn(&self) -> Server {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wilco-tests-{}-{number}", std::process::id());
        let file = |end: &str| std::env::temp_dir().join(format!("{name}.{end}"));
        let (out, log) = (file("out"), file("log"));
        let create = |path: &Path| File::create(path).expect("a file for output");
        let mut command = self.program.as_deref().map_or_else(wilco, quiet);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(["serve", "--listen", &self.listen, "--store", &self.store]);
        if let Some(nats) = &self.nats {
            command.args(["--nats", nats]);
        }
        for assignment in &self.settings {
            command.args(["--set", assignment]);
        }
        if self.forced {
            command.arg("--force");
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(create(&out))
            .stderr(create(&log))
            .spawn()
            .expect("the program starts");
        Server { child, out, log, client: None, ended: None }
    }
}

#[derive(Debug, PartialEq)]
enum Seen {
    Starting,
    Listening,
    Ended,
}

/// A server that was started. Dropped, it is killed; when a test fails, its log is printed.
pub struct Server {
    child: Child,
    out: PathBuf,
    log: PathBuf,
    client: Option<Client>,
    ended: Option<ExitStatus>,
}

impl Server {
    /// A client of it.
    pub fn client(&self) -> &Client {
        self.client.as_ref().expect("the server was ready")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether its process is no more.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("its state is known").is_some()
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits for that.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.exit().await
    }

    /// Sends a signal, by the name that `kill` knows it by.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Ends it as a crash would, and waits until it is gone.
    pub async fn kill(&mut self) {
        self.signal("KILL");
        self.exit().await;
    }

    /// Waits until it has ended.
    pub async fn exit(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let exited = async || child.try_wait().expect("its state is known");
        let status = wait_for("the server to end", exited, Option::is_some).await.expect("it has ended");
        self.ended = Some(status);
        status
    }

    /// Learns its address from the line it greets with.
    fn look(&mut self) -> Seen {
        if self.child.try_wait().expect("its state is known").is_some() {
            return Seen::Ended;
        }
        let greeting = std::fs::read_to_string(&self.out).unwrap_or_default();
        let address =
            |line: &str| line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned);
        match greeting.split_once('\n').and_then(|(line, _)| address(line)) {
            Some(url) => {
                self.client = Some(Client::new(url));
                Seen::Listening
            }
            None => Seen::Starting,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.lines().count().saturating_sub(60);
            let lines: Vec<&str> = log.lines().skip(tail).collect();
            println!("--- log of the server, {} ---\n{}\n---", self.log.display(), lines.join("\n"));
        } else {
            let _ = std::fs::remove_file(&self.log);
        }
        let _ = std::fs::remove_file(&self.out);
    }
}

/// A subcommand that runs until this value is dropped.
pub struct Background(Child);

impl Background {
    /// Starts it; what it prints goes to this file.
    pub fn start(arguments: &[&str], out: &Path) -> Self {
        let out = File::create(out).expect("a file for output");
        let child = wilco().args(arguments).stdin(Stdio::null()).stdout(out).stderr(Stdio::null()).spawn();
        Self(child.expect("the program starts"))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a subcommand of the program to its end.
pub async fn run(arguments: &[&str]) -> Output {
    let mut command = wilco();
    command.args(arguments).stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().expect("the program starts")).await.expect("it ends")
}

/// The program, with none of this process's settings for it.
pub fn wilco() -> Command {
    quiet(program())
}

/// A command for this file. A file that grows beyond a limit set later is an error to it, and not its end.
fn quiet(file: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(file);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WILCO_")) {
        command.env_remove(name);
    }
    // A settings file that happens to lie where the tests run is not read.
    command.current_dir(program().parent().expect("a program lies in a folder"));
    command
}

/// Sends a signal to a process that this one has started.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
    assert!(sent.is_ok_and(|sent| sent.success()), "signal {name} reaches {pid}");
}

/// The program's file: `WILCO_BIN`, or it is built, once in this process.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("WILCO_BIN") {
        // It is started elsewhere than here.
        Some(path) => std::path::absolute(path).expect("a path"),
        None => build("", &[]),
    })
}

/// A build of the program that fails where it is told to: `WILCO_FAULTY_BIN`, or it is built, once in this process,
/// in a folder of its own.
pub fn faulty() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match std::env::var_os("WILCO_FAULTY_BIN") {
        Some(path) => path.into(),
        None => build("faulty", &["--features", "fail-points"]),
    })
}

fn build(below: &str, further: &[&str]) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let this = std::env::current_exe().expect("this program has a file");
    let beside = this.parent().expect("it lies in a folder");
    // A program lies in the folder of its profile, a test in `deps` of it.
    let folder = if beside.ends_with("deps") { beside.parent().expect("deps lies in one") } else { beside };
    let target = folder.parent().expect("a profile lies in the target folder").join(below);
    let profile = if folder.ends_with("release") { "release" } else { "dev" };
    let built = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--package",
            "wilco",
            "--bin",
            "wilco",
            "--profile",
            profile,
            "--target-dir",
        ])
        .arg(&target)
        .args(further)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.is_ok_and(|built| built.success()), "the program is built");
    target.join(folder.file_name().expect("a profile has a name")).join("wilco")
}
