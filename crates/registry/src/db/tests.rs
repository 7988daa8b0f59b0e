use super::*;

#[tokio::test]
async fn readers_that_rest_are_closed_to_give_memory_back_and_opened_when_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("berth.db");
    let db = Db::open(&file, &Release::this()).await.unwrap();
    let at_work = db.read().await.unwrap();
    let resting = [db.read().await.unwrap(), db.read().await.unwrap()];
    assert_eq!(db.readers.size(), 3);
    drop(resting);
    let returned = async {
        while db.readers.num_idle() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), returned)
        .await
        .unwrap();
    db.give_back().await.unwrap();
    assert_eq!(db.readers.size(), 1);
    let opened = db.read().await.unwrap();
    for mut reader in [at_work, opened] {
        let last = changes::last(&mut reader).await.unwrap();
        assert_eq!(last, 0);
    }
    db.close().await;
}
