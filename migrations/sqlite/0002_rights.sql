-- Who may do what. Actions are stored by name; a name that this version does not know grants nothing.
-- `generation` grows when every token that was issued for an account has to end.

ALTER TABLE projects ADD COLUMN public INTEGER NOT NULL DEFAULT 0;

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CONSTRAINT users_name_unique UNIQUE,
    -- A PHC string of argon2id, or NULL where no password is set.
    password_hash TEXT,
    password_changed_at INTEGER,
    generation INTEGER NOT NULL DEFAULT 0,
    admin INTEGER NOT NULL DEFAULT 0,
    disabled INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;

-- What a user may do on the whole installation.
CREATE TABLE user_actions (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    action TEXT NOT NULL,
    PRIMARY KEY (user_id, action)
) STRICT, WITHOUT ROWID;

-- Secrets are random, so their SHA-256 tells nothing of them. `scopes` is a JSON list of a repository
-- glob and actions each.
CREATE TABLE personal_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    secret_hash BLOB NOT NULL CONSTRAINT personal_tokens_secret_unique UNIQUE,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    CONSTRAINT personal_tokens_name_unique UNIQUE (user_id, name)
) STRICT;

-- `login` is unique for all: project+name, or robot+name for a robot of the whole installation.
CREATE TABLE robots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    login TEXT NOT NULL CONSTRAINT robots_login_unique UNIQUE,
    secret_hash BLOB NOT NULL CONSTRAINT robots_secret_unique UNIQUE,
    generation INTEGER NOT NULL DEFAULT 0,
    scopes TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER
) STRICT;

CREATE INDEX robots_by_project ON robots (project_id, name);

-- `role` names a built-in role or a row of roles.
CREATE TABLE members (
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (project_id, user_id, role)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_user ON members (user_id);

-- Custom roles of a project; `grants` is JSON like scopes.
CREATE TABLE roles (
    project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    grants TEXT NOT NULL,
    PRIMARY KEY (project_id, name)
) STRICT, WITHOUT ROWID;

-- Keys that tokens are signed with. `sealed` is the private key under secret_key; the public key
-- stays readable, so that tokens can be checked by who can not sign.
CREATE TABLE signing_keys (
    id TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    public_key BLOB NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was done and by whom. The same within a minute is one row with a count.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    minute INTEGER NOT NULL,
    at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    -- user, robot or system
    actor_kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    project TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    CONSTRAINT audit_minute_unique
        UNIQUE (minute, actor_kind, actor, address, action, project, subject, outcome, detail)
) STRICT;

CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_project ON audit (project, id);
