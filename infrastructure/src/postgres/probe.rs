//! What is looked at before a database is used, to say clearly what is wrong with it.

use std::time::Duration;

use sqlx::{ConnectOptions, Connection, Executor, PgConnection, Row};

use super::servers::{Servers, Settings, tell};
use crate::OpenError;

/// How often it is tried whether two transactions of one connection have the same session: others who use a pooler
/// may hide that they have not.
const ROUNDS: usize = 5;
/// How long two connections of a pooler may wait for one another.
const STANDSTILL: Duration = Duration::from_secs(3);

/// Finds the server to use, and refuses one that would break the store.
pub(super) async fn probe(
    servers: &Servers,
    settings: &Settings,
    patience: Duration,
) -> Result<(), OpenError> {
    servers.choose().await?;
    let look = async {
        let mut connection = servers.options().connect().await.map_err(OpenError::Connect)?;
        encoding(&mut connection).await?;
        pooling(servers, &mut connection).await?;
        keeping(&mut connection, settings).await?;
        connection.close().await.map_err(OpenError::Connect)
    };
    match tokio::time::timeout(patience + STANDSTILL, look).await {
        Ok(outcome) => outcome,
        Err(_) => Err(OpenError::Connect(sqlx::Error::PoolTimedOut)),
    }
}

/// In another encoding than UTF-8 some texts cannot be stored, or come back as others.
async fn encoding(connection: &mut PgConnection) -> Result<(), OpenError> {
    let encoding: String = ask(connection, "SELECT current_setting('server_encoding')").await?;
    if encoding == "UTF8" { Ok(()) } else { Err(OpenError::Encoding(encoding)) }
}

/// A pooler in transaction or statement mode gives each transaction a session that is free. So while a second
/// connection is in a transaction, this one gets another than before, or the second one got this one's. Asked by
/// texts without arguments: prepared statements are lost there.
async fn pooling(servers: &Servers, connection: &mut PgConnection) -> Result<(), OpenError> {
    const WHO: &str = "SELECT pg_backend_pid()";
    let mut second = servers.options().connect().await.map_err(OpenError::Connect)?;
    for _ in 0..ROUNDS {
        let before: i32 = ask(connection, WHO).await?;
        // In statement mode there are no transactions.
        second.execute("BEGIN").await.map_err(OpenError::Pooler)?;
        let other: i32 = ask(&mut second, WHO).await?;
        if other == before {
            return Err(OpenError::Pooled);
        }
        let again = tokio::time::timeout(STANDSTILL / 2, ask::<i32>(connection, WHO)).await;
        if !matches!(again, Ok(Ok(after)) if after == before) {
            return Err(OpenError::Pooled);
        }
        second.execute("ROLLBACK").await.map_err(OpenError::Connect)?;
    }
    second.close().await.map_err(OpenError::Connect)
}

/// What a session was told holds for its next transaction.
async fn keeping(connection: &mut PgConnection, settings: &Settings) -> Result<(), OpenError> {
    let told = tell(connection, settings).await.map_err(OpenError::Connect)?;
    for (name, value) in told {
        let kept = sqlx::query_scalar::<_, String>("SELECT current_setting($1)").bind(&name);
        if kept.fetch_one(&mut *connection).await.map_err(OpenError::Connect)? != value {
            return Err(OpenError::NotKept(name));
        }
    }
    Ok(())
}

async fn ask<T>(connection: &mut PgConnection, text: &'static str) -> Result<T, OpenError>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let row = connection.fetch_one(text).await.map_err(OpenError::Connect)?;
    row.try_get(0).map_err(OpenError::Connect)
}
