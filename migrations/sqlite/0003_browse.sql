-- What people look at: the newest pushes of a repository, and when the last one was.
CREATE INDEX manifests_by_push ON manifests (repository_id, pushed_at, id);
