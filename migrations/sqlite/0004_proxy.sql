-- Pull-through: projects that cache a registry elsewhere, and groups.

-- hosted, proxy (a cache of an upstream) or group (reads as others).
ALTER TABLE projects ADD COLUMN kind TEXT NOT NULL DEFAULT 'hosted';

-- Names of hosted projects that are gone. They are never asked of an upstream: who knew the name
-- still means what was here.
CREATE TABLE retired_projects (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What a manifest says of the size of what it names; NULL for those that were pushed before this.
ALTER TABLE edges ADD COLUMN size_bytes INTEGER;

-- When the upstream was last heard to have the tag at this digest.
ALTER TABLE tags ADD COLUMN checked_at INTEGER;

-- Downloads that are under way, or were when the process ended: the staged bytes of `upload` are the
-- beginning of the blob.
CREATE TABLE fills (
    digest TEXT PRIMARY KEY,
    upload TEXT NOT NULL CONSTRAINT fills_upload_unique UNIQUE,
    size_bytes INTEGER NOT NULL,
    started_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX fills_by_start ON fills (started_at);

-- Blobs that caches have, and when one of them was last pulled: what goes first when space is short.
CREATE TABLE cached_blobs (
    blob_id INTEGER PRIMARY KEY REFERENCES blobs (id) ON DELETE CASCADE,
    used_at INTEGER NOT NULL
) STRICT;

CREATE INDEX cached_blobs_by_use ON cached_blobs (used_at);

-- Objects whose row is gone: their bytes go next.
CREATE TABLE unlinked_objects (
    key TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Upstreams and groups that the API made. `kind` is that of their project, `settings` is JSON, and
-- `sealed` what of it is secret.
CREATE TABLE sources (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    settings TEXT NOT NULL,
    sealed BLOB,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What an upstream's cache did in an hour (milliseconds since 1970 / 3,600,000).
CREATE TABLE upstream_hours (
    upstream TEXT NOT NULL,
    hour INTEGER NOT NULL,
    hits INTEGER NOT NULL DEFAULT 0,
    fills INTEGER NOT NULL DEFAULT 0,
    joins INTEGER NOT NULL DEFAULT 0,
    served_bytes INTEGER NOT NULL DEFAULT 0,
    fetched_bytes INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (upstream, hour)
) STRICT, WITHOUT ROWID;
