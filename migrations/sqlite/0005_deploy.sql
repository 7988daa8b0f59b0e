-- Redeploy on push: where services run, what was deployed there, and what was decided of each push.

CREATE TABLE targets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CONSTRAINT targets_name_unique UNIQUE,
    -- Events up to this one are done with, or older than the target. Beyond it they are marked one by
    -- one, since one with a smaller number may become visible after one with a greater.
    done_through INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Events that a target is done with.
CREATE TABLE target_events (
    target_id INTEGER NOT NULL REFERENCES targets (id),
    sequence INTEGER NOT NULL,
    PRIMARY KEY (target_id, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE deployments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    target_id INTEGER NOT NULL REFERENCES targets (id),
    stack TEXT NOT NULL,
    cause TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Why it is where it is, for people.
    reason TEXT,
    requested_by TEXT,
    approved_by TEXT,
    -- The deployment that this one takes back.
    rolls_back INTEGER,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    -- The process that works on it.
    claimed_by TEXT
) STRICT;

-- One at a time for a stack, and one at most that waits behind it.
CREATE UNIQUE INDEX deployments_one_running ON deployments (target_id, stack)
    WHERE state IN ('pulling', 'replacing', 'verifying', 'rolling_back');
CREATE UNIQUE INDEX deployments_one_waiting ON deployments (target_id, stack)
    WHERE state IN ('queued', 'waiting');
CREATE INDEX deployments_unfinished ON deployments (target_id, due_at) WHERE finished_at IS NULL;
CREATE INDEX deployments_by_stack ON deployments (target_id, stack, id);

CREATE TABLE deployment_services (
    deployment_id INTEGER NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    service TEXT NOT NULL,
    -- As the service names it; the repository and the tag of it.
    image TEXT NOT NULL,
    repository TEXT NOT NULL,
    tag TEXT NOT NULL,
    from_digest TEXT,
    to_digest TEXT NOT NULL,
    pushed_by TEXT,
    downtime_ms INTEGER,
    -- Why it was not brought to the digest after all, as it was found when the deployment began.
    left_out TEXT,
    -- Whether the old version comes back when the new one fails.
    rollback INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (deployment_id, service)
) STRICT, WITHOUT ROWID;

CREATE INDEX deployment_services_by_repository ON deployment_services (repository, deployment_id);

-- The journal: a row is written before its step is taken.
CREATE TABLE deployment_steps (
    deployment_id INTEGER NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    -- All of it, for people and for its engine.
    step TEXT NOT NULL,
    state TEXT NOT NULL,
    detail TEXT,
    started_at INTEGER,
    finished_at INTEGER,
    -- When it was begun to be taken back, and when that was done.
    undoing_at INTEGER,
    undone_at INTEGER,
    PRIMARY KEY (deployment_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE deployment_lines (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    deployment_id INTEGER NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    service TEXT,
    text TEXT NOT NULL
) STRICT;

CREATE INDEX deployment_lines_by_deployment ON deployment_lines (deployment_id, number);

-- What was decided of an event, for each service that uses its repository.
CREATE TABLE deploy_decisions (
    target_id INTEGER NOT NULL REFERENCES targets (id),
    stack TEXT NOT NULL,
    service TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    reason TEXT NOT NULL,
    text TEXT NOT NULL,
    deployment_id INTEGER,
    PRIMARY KEY (target_id, stack, service, sequence)
) STRICT, WITHOUT ROWID;

-- Labels that count as if a service carried them; for all services of the stack when `service` is
-- NULL.
CREATE TABLE deploy_rules (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    target TEXT NOT NULL,
    stack TEXT NOT NULL,
    service TEXT,
    labels TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Stacks that no push is deployed to.
CREATE TABLE deploy_holds (
    target_id INTEGER NOT NULL REFERENCES targets (id),
    stack TEXT NOT NULL,
    held_by TEXT NOT NULL,
    reason TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (target_id, stack)
) STRICT, WITHOUT ROWID;

-- Services that stay at a digest, whatever is pushed.
CREATE TABLE deploy_pins (
    target_id INTEGER NOT NULL REFERENCES targets (id),
    stack TEXT NOT NULL,
    service TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (target_id, stack, service)
) STRICT, WITHOUT ROWID;

-- Digests that have failed in a stack, and are not tried again unless somebody asks for it.
CREATE TABLE deploy_quarantine (
    target_id INTEGER NOT NULL REFERENCES targets (id),
    stack TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (target_id, stack, digest)
) STRICT, WITHOUT ROWID;

-- Outcomes that somebody is told of. `id` is the idempotency key of the receiver.
CREATE TABLE notifications (
    id TEXT PRIMARY KEY,
    deployment_id INTEGER NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    last_error TEXT,
    delivered_at INTEGER,
    -- Given up, after the last attempt.
    failed_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX notifications_due ON notifications (next_at) WHERE delivered_at IS NULL AND failed_at IS NULL;
