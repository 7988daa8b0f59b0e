-- Who is signed in to the page. `generation` is the user's at that time: a new password ends them all.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret_hash BLOB NOT NULL CONSTRAINT sessions_secret_unique UNIQUE,
    generation INTEGER NOT NULL,
    -- What the browser says of itself, and where it asked from; for people.
    client TEXT NOT NULL,
    address TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id, id);
CREATE INDEX sessions_by_end ON sessions (expires_at);
