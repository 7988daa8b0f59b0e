-- What a push makes and a pull reads. Times are milliseconds since 1970, sizes are bytes, digests
-- are `algorithm:hex`. Ids that are remembered outside of the database for a while, in counts of
-- pulls and in the Link of a page, are AUTOINCREMENT: they are never used again.

-- The first path component of a repository name.
CREATE TABLE projects (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL CONSTRAINT projects_name_unique UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE repositories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL CONSTRAINT repositories_name_unique UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

-- Bytes in the blob store, once for the whole registry. `key` is the store's own: nothing else
-- derives a place from a digest.
CREATE TABLE blobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest TEXT NOT NULL CONSTRAINT blobs_digest_unique UNIQUE,
    size_bytes INTEGER NOT NULL,
    key TEXT NOT NULL CONSTRAINT blobs_key_unique UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

-- A repository has a blob by upload, mount or fill, and in no other way.
CREATE TABLE repository_blobs (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    blob_id INTEGER NOT NULL REFERENCES blobs (id),
    created_at INTEGER NOT NULL,
    pulls INTEGER NOT NULL DEFAULT 0,
    last_pulled_at INTEGER,
    PRIMARY KEY (repository_id, blob_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX repository_blobs_by_blob ON repository_blobs (blob_id);

-- `bytes` comes last, so that reading the other columns does not read its overflow pages.
CREATE TABLE manifests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    artifact_type TEXT,
    -- A JSON object of strings, or NULL where there are none.
    annotations TEXT,
    size_bytes INTEGER NOT NULL,
    pushed_at INTEGER NOT NULL,
    pushed_by TEXT,
    pulls INTEGER NOT NULL DEFAULT 0,
    last_pulled_at INTEGER,
    bytes BLOB NOT NULL,
    CONSTRAINT manifests_digest_unique UNIQUE (repository_id, digest)
) STRICT;

-- What a manifest names: kind is blob (config, layer), child (an entry of an index) or subject.
-- By digest and not by row, since children and subjects may come later or never.
CREATE TABLE edges (
    manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    repository_id INTEGER NOT NULL,
    PRIMARY KEY (manifest_id, kind, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX edges_by_digest ON edges (repository_id, digest, kind, manifest_id);

CREATE TABLE tags (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    name TEXT NOT NULL,
    manifest_id INTEGER NOT NULL REFERENCES manifests (id),
    pushed_at INTEGER NOT NULL,
    pushed_by TEXT,
    pulls INTEGER NOT NULL DEFAULT 0,
    last_pulled_at INTEGER,
    PRIMARY KEY (repository_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX tags_by_manifest ON tags (manifest_id);

-- Every move of a tag, in order. Consumers mark events done one by one, each in a table of its own.
-- `cause` is push, retag, fill, import or restore; `actor` is NULL until there are users.
CREATE TABLE tag_events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    repository TEXT NOT NULL,
    tag TEXT NOT NULL,
    old_digest TEXT,
    new_digest TEXT NOT NULL,
    actor TEXT,
    cause TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- One row for every change of a tag, manifest, setting or right, written in the transaction of the
-- change. Every cache is invalidated from it.
CREATE TABLE changes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    subject TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- Upload sessions. The repository is a name, since a push that never ends makes no repository.
CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    repository TEXT NOT NULL,
    offset_bytes INTEGER NOT NULL,
    algorithm TEXT NOT NULL,
    hash_state BLOB NOT NULL,
    started_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX uploads_by_expiry ON uploads (expires_at);

-- The one row that a readiness check writes.
CREATE TABLE write_probe (
    id INTEGER PRIMARY KEY CONSTRAINT write_probe_single CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
