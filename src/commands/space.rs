use berth_oci::ProjectName;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::session::Session;
use crate::cli::{ByteLimit, DeletedArguments, GcArguments, UndeleteArguments};
use crate::client::Document;
use crate::output::{print, size, yes_no};
use crate::table::{Table, printable};

#[derive(Deserialize)]
struct Deletion {
    id: i64,
    kind: String,
    name: String,
    deleted_by: String,
    deleted_at: DateTime<Utc>,
    restorable_until: DateTime<Utc>,
}

pub(super) async fn deleted(session: &Session, arguments: &DeletedArguments) -> anyhow::Result<()> {
    let Session { client, output } = session;
    let project = arguments.project.iter();
    let query: Vec<_> = project.map(|name| ("project", name.to_string())).collect();
    let deletions = client.list(&["deletions"], &query, None).await?;
    output.list(client, &deletions, |deletions: &[Deletion]| {
        let mut table = Table::with_header(["NUMBER", "KIND", "NAME", "BY", "DELETED", "UNTIL"]);
        for deletion in deletions {
            table.row([
                deletion.id.to_string(),
                deletion.kind.clone(),
                deletion.name.clone(),
                deletion.deleted_by.clone(),
                output.age(Some(deletion.deleted_at)),
                output.time(Some(deletion.restorable_until)),
            ]);
        }
        table.to_string()
    })
}

pub(super) async fn undelete(
    session: &Session,
    arguments: &UndeleteArguments,
) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Restored {
        moved_on: Vec<String>,
    }
    let Session { client, output } = session;
    let number = arguments.deletion.to_string();
    let path = ["deletions", number.as_str(), "restore"];
    let restored = client.post(&path, &json!({})).await?;
    output.document(client, &restored, |restored: Restored| {
        if restored.moved_on.is_empty() {
            return "restored\n".to_owned();
        }
        let tags = printable(&restored.moved_on.join(", "));
        format!("restored, without the tags that were pushed again meanwhile: {tags}\n")
    })
}

pub(super) async fn collect(session: &Session, arguments: &GcArguments) -> anyhow::Result<()> {
    let Session { client, output } = session;
    if arguments.dry_run {
        return dry_run(session).await;
    }
    #[derive(Deserialize)]
    struct Run {
        blobs: u64,
        bytes: u64,
        manifests: u64,
    }
    let run = client.post(&["collection", "runs"], &json!({})).await?;
    output.document(client, &run, |run: Run| {
        format!(
            "removed {} blobs ({}) and {} deleted images for good\n",
            run.blobs,
            size(run.bytes),
            run.manifests
        )
    })
}

async fn dry_run(session: &Session) -> anyhow::Result<()> {
    /// More are counted, and not shown.
    const SHOWN: usize = 1000;
    #[derive(Deserialize)]
    struct Totals {
        due_blobs: u64,
        due_bytes: u64,
        later_blobs: u64,
        later_bytes: u64,
    }
    #[derive(Deserialize)]
    struct Blob {
        repository: String,
        digest: String,
        size_bytes: u64,
        due_at: DateTime<Utc>,
        alone: bool,
    }
    let Session { client, output } = session;
    let totals = client.get(&["collection"]).await?;
    let blobs = client
        .list(&["collection", "blobs"], &[], Some(SHOWN))
        .await?;
    if output.json {
        let blobs: Vec<_> = blobs.iter().map(Document::text).collect();
        let (totals, blobs) = (totals.text(), blobs.join(","));
        return print(&format!("{{\"totals\":{totals},\"blobs\":[{blobs}]}}\n"));
    }
    output.list(client, &blobs, |blobs: &[Blob]| {
        let mut table = Table::with_header(["REPOSITORY", "DIGEST", "SIZE", "FREES", "DUE"]);
        for blob in blobs {
            table.row([
                blob.repository.clone(),
                output.digest(&blob.digest).to_owned(),
                size(blob.size_bytes),
                yes_no(blob.alone),
                output.time(Some(blob.due_at)),
            ]);
        }
        table.to_string()
    })?;
    let totals: Totals = client.read(&totals)?;
    eprintln!(
        "{} blobs ({}) would go now, and {} ({}) later, those of what was deleted among them, unless \
         something needs them by then",
        totals.due_blobs,
        size(totals.due_bytes),
        totals.later_blobs,
        size(totals.later_bytes)
    );
    Ok(())
}

pub(super) async fn quota(
    session: &Session,
    project: &ProjectName,
    limit: Option<ByteLimit>,
) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Quota {
        used_bytes: u64,
        quota_bytes: Option<u64>,
        short: bool,
    }
    let Session { client, output } = session;
    let path = ["projects", project.as_str(), "quota"];
    let quota = match limit {
        None => client.get(&path).await?,
        Some(ByteLimit(bytes)) => client.put(&path, &json!({"quota_bytes": bytes})).await?,
    };
    output.document(client, &quota, |quota: Quota| {
        let mut table = Table::new();
        let limit = quota.quota_bytes.map_or_else(|| "none".to_owned(), size);
        let used = format!("{} ({} bytes)", size(quota.used_bytes), quota.used_bytes);
        table.row(["used".to_owned(), used]);
        table.row(["quota".to_owned(), limit]);
        if quota.short {
            table.row(["short".to_owned(), "more than 85 % are used".to_owned()]);
        }
        table.to_string()
    })
}
