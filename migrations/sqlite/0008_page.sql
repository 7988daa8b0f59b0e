-- What was pulled last.
CREATE INDEX tags_by_pull ON tags (last_pulled_at) WHERE last_pulled_at IS NOT NULL;

-- Deployments that have gone wrong.
CREATE INDEX deployments_failed ON deployments (finished_at)
    WHERE state IN ('failed', 'rolled_back', 'rollback_failed');

-- What an image runs on, as `linux/amd64,linux/arm64/v8`; no row until somebody has looked. Apart from
-- the manifest, whose bytes would be written again with it.
CREATE TABLE manifest_platforms (
    manifest_id INTEGER PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
    platforms TEXT NOT NULL
) STRICT;
