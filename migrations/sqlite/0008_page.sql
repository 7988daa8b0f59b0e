-- What was pulled last.
CREATE INDEX tags_by_pull ON tags (last_pulled_at) WHERE last_pulled_at IS NOT NULL;

-- Deployments that have gone wrong.
CREATE INDEX deployments_failed ON deployments (finished_at)
    WHERE state IN ('failed', 'rolled_back', 'rollback_failed');

-- What an image runs on, as `linux/amd64,linux/arm64/v8`; NULL until somebody has looked.
ALTER TABLE manifests ADD COLUMN platforms TEXT;
