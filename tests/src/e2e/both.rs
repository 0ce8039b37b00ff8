/// Makes a test on SQLite and one on PostgreSQL of each scenario, a function that takes a [`Place`](super::Place).
#[macro_export]
macro_rules! on_both_stores {
    ($($scenario:ident,)*) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                use $crate::e2e::Place as _;
                super::$scenario($crate::e2e::SqlitePlace::new().await).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                use $crate::e2e::Place as _;
                super::$scenario($crate::e2e::PostgresPlace::new().await).await;
            })*
        }
    };
}
