-- Space: what is collected, what was deleted and can be restored, quotas, immutable tags, retention.

-- What somebody or a rule has deleted, and can be restored until `purge_at`. `kind` is tag, manifest,
-- repository or project.
CREATE TABLE deletions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    -- Somebody else's project may have the name later.
    project_id INTEGER NOT NULL,
    project TEXT NOT NULL,
    -- NULL for a project.
    repository TEXT,
    -- Of a tag: its name, the manifest that it was on, and its push. Of a manifest: its digest.
    tag TEXT,
    digest TEXT,
    pushed_at INTEGER,
    pushed_by TEXT,
    deleted_by TEXT NOT NULL,
    deleted_at INTEGER NOT NULL,
    purge_at INTEGER NOT NULL
) STRICT;

CREATE INDEX deletions_by_purge ON deletions (purge_at);
CREATE INDEX deletions_by_project ON deletions (project, id);

-- What is deleted keeps its rows, below a name that nobody can ask for: `.<deletion>` for a project,
-- `.<deletion>/<name>` for a repository. The manifest of a deletion of its own is moved to such a
-- repository.
ALTER TABLE projects ADD COLUMN deletion_id INTEGER;
ALTER TABLE repositories ADD COLUMN deletion_id INTEGER;
CREATE INDEX repositories_by_project ON repositories (project_id);
CREATE INDEX repositories_by_deletion ON repositories (deletion_id) WHERE deletion_id IS NOT NULL;

-- Whether something is being uploaded to a repository.
CREATE INDEX uploads_by_repository ON uploads (repository);

-- Names of repositories that were deleted from a hosted project. Groups do not ask upstreams for
-- them.
CREATE TABLE retired_repositories (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- When to look whether a manifest of the repository still names the blob; NULL where one does, as far
-- as is known. A repository that is deleted counts for no project.
ALTER TABLE repository_blobs ADD COLUMN collect_at INTEGER;
ALTER TABLE repository_blobs ADD COLUMN project_id INTEGER;
UPDATE repository_blobs SET project_id =
    (SELECT r.project_id FROM repositories r WHERE r.id = repository_blobs.repository_id);
UPDATE repository_blobs SET collect_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000 + 3600000
WHERE NOT EXISTS (
    SELECT 1 FROM edges e JOIN blobs b ON b.id = repository_blobs.blob_id
    WHERE e.repository_id = repository_blobs.repository_id AND e.digest = b.digest
      AND e.kind IN ('blob', 'child'));
CREATE INDEX repository_blobs_due ON repository_blobs (collect_at) WHERE collect_at IS NOT NULL;
CREATE INDEX repository_blobs_by_project ON repository_blobs (project_id, blob_id);

-- Blobs that no repository has: earlier versions left them.
INSERT INTO unlinked_objects (key, at)
SELECT key, 0 FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM repository_blobs rb WHERE rb.blob_id = b.id);
DELETE FROM blobs
WHERE NOT EXISTS (SELECT 1 FROM repository_blobs rb WHERE rb.blob_id = blobs.id);

-- When its bytes were found to be others than its digest says, or to be gone. It is not served from
-- then on, and who pushes it again mends it.
ALTER TABLE blobs ADD COLUMN corrupt_at INTEGER;

-- Since when it has had no tag; NULL while it has one.
ALTER TABLE manifests ADD COLUMN untagged_at INTEGER;
UPDATE manifests SET untagged_at = pushed_at
WHERE NOT EXISTS (SELECT 1 FROM tags t WHERE t.manifest_id = manifests.id);
CREATE INDEX manifests_untagged ON manifests (repository_id, untagged_at) WHERE untagged_at IS NOT NULL;

-- Manifests that something outside runs or may go back to. Neither a rule nor anybody deletes them.
CREATE TABLE held_manifests (
    holder TEXT NOT NULL,
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,
    -- For people.
    reason TEXT NOT NULL,
    PRIMARY KEY (holder, repository, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX held_manifests_by_digest ON held_manifests (repository, digest);

-- The most bytes that a project may have; NULL for no limit.
ALTER TABLE projects ADD COLUMN quota_bytes INTEGER;

-- The bytes that a project has: its blobs, each counted once, and its manifests. They are the sum of
-- all parts; pushes of different blobs write different ones, so that they do not wait for each other.
CREATE TABLE project_usage (
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    part INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (project_id, part)
) STRICT, WITHOUT ROWID;

INSERT INTO project_usage (project_id, part, bytes)
SELECT project_id, 0, SUM(bytes) FROM (
    SELECT d.project_id, b.size_bytes AS bytes
    FROM (SELECT DISTINCT project_id, blob_id FROM repository_blobs) d JOIN blobs b ON b.id = d.blob_id
    UNION ALL
    SELECT r.project_id, m.size_bytes FROM manifests m JOIN repositories r ON r.id = m.repository_id)
GROUP BY project_id;

-- Tags that do not move and are not deleted once they are there: those that `tags` matches, of the
-- repositories that `repositories` does.
CREATE TABLE immutable_tags (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    repositories TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX immutable_tags_by_project ON immutable_tags (project_id, id);

-- What a project keeps. `policy` is JSON.
CREATE TABLE retention_policies (
    project_id INTEGER PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    policy TEXT NOT NULL,
    -- NULL where it runs by hand only.
    every_hours INTEGER,
    next_run_at INTEGER,
    changed_by TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX retention_policies_due ON retention_policies (next_run_at) WHERE next_run_at IS NOT NULL;

-- `state` is running, done, failed or interrupted; `policy` is that of the run.
CREATE TABLE retention_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    -- NULL for one on schedule.
    requested_by TEXT,
    policy TEXT NOT NULL,
    state TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    kept_tags INTEGER NOT NULL DEFAULT 0,
    removed_tags INTEGER NOT NULL DEFAULT 0,
    removed_manifests INTEGER NOT NULL DEFAULT 0,
    error TEXT
) STRICT;

CREATE INDEX retention_runs_by_project ON retention_runs (project_id, id);
-- One run of a project at a time.
CREATE UNIQUE INDEX retention_runs_running ON retention_runs (project_id) WHERE state = 'running';

-- What a run has removed: a tag, or a manifest without one.
CREATE TABLE retention_removals (
    run_id INTEGER NOT NULL REFERENCES retention_runs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    repository TEXT NOT NULL,
    tag TEXT,
    digest TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (run_id, number)
) STRICT, WITHOUT ROWID;

-- While one of these lasts, no bytes are removed from the store: a backup copies what its copy of the
-- database names.
CREATE TABLE object_holds (
    holder TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The oldest release that may use this database.
CREATE TABLE compatibility (
    id INTEGER PRIMARY KEY CONSTRAINT compatibility_single CHECK (id = 1),
    oldest_release TEXT NOT NULL
) STRICT;

INSERT INTO compatibility (id, oldest_release) VALUES (1, '0.1.0');
