//! A private PgBouncer before a server of the tests.

use std::io::Write as _;
use std::process::{Child, ChildStdin, Stdio};

use tokio::net::TcpStream;

use crate::postgres::{as_unprivileged, free_port};
use crate::wait_for;

/// A running PgBouncer. It ends with this value, or with the process.
pub struct PgBouncer {
    port: u16,
    shell: Child,
    open: Option<ChildStdin>,
}

impl PgBouncer {
    /// Starts one before the server on this port, in this `pool_mode`, with further lines of its settings. Panics,
    /// with the reason, when that is not possible.
    pub async fn start(postgres: u16, mode: &str, further: &str) -> Self {
        let port = free_port();
        let dir = std::env::temp_dir().join(format!("wilco-pgbouncer-{}-{port}", std::process::id()));
        std::fs::create_dir(&dir).expect("a directory for PgBouncer");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={postgres} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nauth_type = any\nunix_socket_dir =\npool_mode = {mode}\n{further}\n"
        );
        std::fs::write(dir.join("pgbouncer.ini"), settings).expect("its settings are written");
        let script =
            "PATH=$PATH:/usr/sbin; pgbouncer -q \"$1/pgbouncer.ini\" >\"$1/log\" 2>&1 </dev/null & pid=$!
            read -r _; kill -INT $pid; wait $pid; rm -rf \"$1\"";
        let mut shell = as_unprivileged(&dir)
            .args(["-c", script, "pgbouncer.sh"])
            .arg(&dir)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell to run PgBouncer");
        let open = shell.stdin.take();
        let connect = async || TcpStream::connect(("127.0.0.1", port)).await.map(drop);
        wait_for("PgBouncer, which these tests need, to answer", connect, Result::is_ok)
            .await
            .expect("it answers");
        Self { port, shell, open }
    }

    /// The URL of a database through it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        if let Some(mut open) = self.open.take() {
            let _ = writeln!(open);
        }
        drop(self.shell.wait());
    }
}
