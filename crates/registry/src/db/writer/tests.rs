use futures_util::FutureExt as _;
use futures_util::future::join_all;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions as _, SqliteConnection};

use super::*;

#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Odd(i64),
    Db,
}

impl From<DbError> for Refused {
    fn from(_: DbError) -> Self {
        Self::Db
    }
}

async fn writer() -> Writer {
    writer_of(SqliteConnectOptions::new().in_memory(true)).await
}

async fn writer_of(database: SqliteConnectOptions) -> Writer {
    let mut connection = database.connect().await.unwrap();
    sqlx::query("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query(
        "CREATE TABLE changes (sequence INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL,
                               subject TEXT NOT NULL, at INTEGER NOT NULL)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    Writer::start(connection, Arc::new(Feed::behind(0)))
}

async fn insert(connection: &mut SqliteConnection, number: i64) -> Result<(), DbError> {
    sqlx::query("INSERT INTO numbers (number) VALUES ($1)")
        .bind(number)
        .execute(connection)
        .await?;
    Ok(())
}

async fn numbers(writer: &Writer) -> Vec<i64> {
    writer
        .submit(Durability::Full, |connection| {
            async move {
                let rows = sqlx::query("SELECT number FROM numbers ORDER BY number")
                    .fetch_all(connection)
                    .await?;
                Ok::<_, DbError>(rows.iter().map(|row| row.get(0)).collect())
            }
            .boxed()
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn writes_in_parallel_share_commits_and_each_answers_for_itself() {
    let writer = writer().await;
    let outcomes = join_all((0..200).map(|number| {
        writer.submit(Durability::Full, move |connection| {
            async move {
                insert(connection, number).await?;
                if number % 2 == 1 {
                    Err(Refused::Odd(number))
                } else {
                    Ok(number)
                }
            }
            .boxed()
        })
    }))
    .await;
    for (number, outcome) in (0..).zip(outcomes) {
        let expected = if number % 2 == 1 {
            Err(Refused::Odd(number))
        } else {
            Ok(number)
        };
        assert_eq!(outcome, expected);
    }
    let metrics = writer.metrics();
    assert_eq!(metrics.writes, 200);
    assert!(metrics.commits < 200, "{metrics:?}");
    assert_eq!(
        numbers(&writer).await,
        (0..200)
            .filter(|number| number % 2 == 0)
            .collect::<Vec<_>>()
    );
}

/// What undoes a savepoint goes to a file beyond SQLITE_STMTJRNL_SPILL (.cargo/config.toml), in one piece.
#[tokio::test]
async fn much_work_is_undone_beside_other_work() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("database");
    let database = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let writer = writer_of(database).await;
    let fill = "CREATE TABLE pages (content BLOB NOT NULL);
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
                INSERT INTO pages SELECT zeroblob(4000) FROM n";
    let filled = writer.submit(Durability::Full, move |connection| {
        async move {
            sqlx::query(fill).execute(connection).await?;
            Ok::<_, DbError>(())
        }
        .boxed()
    });
    filled.await.unwrap();

    let (go, wait) = oneshot::channel::<()>();
    let first = writer.submit(Durability::Full, move |_| {
        async move { wait.await.map_err(|_| DbError::Closed) }.boxed()
    });
    let much = writer.submit(Durability::Full, |connection| {
        async move {
            let change = "UPDATE pages SET content = randomblob(4000)";
            let changed = sqlx::query(change).execute(connection).await;
            let changed = changed.map_err(DbError::from)?;
            assert_eq!(changed.rows_affected(), 300);
            Err::<(), _>(Refused::Odd(1))
        }
        .boxed()
    });
    let other = writer.submit(Durability::Full, |connection| insert(connection, 2).boxed());
    let (first, much, other, ()) = tokio::join!(first, much, other, async {
        go.send(()).unwrap();
    });
    first.unwrap();
    assert_eq!(much, Err(Refused::Odd(1)));
    other.unwrap();
    assert_eq!(numbers(&writer).await, [2]);
    let same = writer.submit(Durability::Full, |connection| {
        async move {
            let query = "SELECT COUNT(*) FROM pages WHERE content = zeroblob(4000)";
            let (same,): (i64,) = sqlx::query_as(query).fetch_one(connection).await?;
            Ok::<_, DbError>(same)
        }
        .boxed()
    });
    assert_eq!(same.await.unwrap(), 300);
}

#[tokio::test]
async fn a_panic_undoes_its_own_work_alone() {
    let writer = writer().await;
    let (panicked, kept) = tokio::join!(
        writer.submit::<(), DbError, _>(Durability::Full, |connection| {
            async move {
                insert(connection, 1).await?;
                panic!("a bug in the work");
            }
            .boxed()
        }),
        writer.submit(Durability::Relaxed, |connection| insert(connection, 2)
            .boxed()),
    );
    assert!(matches!(panicked, Err(DbError::Closed)));
    kept.unwrap();
    assert_eq!(numbers(&writer).await, [2]);
}

#[tokio::test]
async fn work_is_done_when_its_caller_has_gone() {
    let writer = writer().await;
    let submitted = writer.submit(Durability::Full, |connection| insert(connection, 1).boxed());
    // Polled once, so that the work is in the queue, and then dropped.
    assert!(submitted.now_or_never().is_none());
    assert_eq!(numbers(&writer).await, [1]);
}

#[tokio::test]
async fn what_comes_after_the_close_is_refused() {
    let writer = writer().await;
    writer.close().await;
    let late = writer
        .submit(Durability::Full, |connection| insert(connection, 1).boxed())
        .await;
    assert!(matches!(late, Err(DbError::Closed)));
}
