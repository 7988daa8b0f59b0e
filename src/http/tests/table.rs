//! What everybody is answered, written from the rules and not from the code:
//!
//! - Without credentials: 401 and a challenge, but where everybody is answered.
//! - A credential that is not good: 401, whatever is asked.
//! - One that is good and lacks the right: 401 under `/v2`, 404 under `/api/v1`, 403 at `/metrics`.
//! - Upstreams, groups and caches are those of the whole installation, and so of the admin alone.
//! - A reader pulls; a writer pushes too; a maintainer deletes too, and has the robots and the audit
//!   log of the project; an owner also has its members, roles and settings. A tester may pull and
//!   push `shop/web-*`, and has no right on the project itself. `limited` is a personal token of
//!   the owner for pulls, and `robot` one of the project for pulls.
//! - Deployments are listed by everybody, each of them what may be pulled. There is no target here,
//!   and so there are neither stacks nor deployments; tests/system/deploy has those.
//!
//! - Deletions are listed by everybody, each of them what may be deleted. There is none here; of those,
//!   space.rs has the rights.
//!
//! A cell is the status for a thing that is there, then for one that is not, then for one in a
//! repository, and in a project, that is not there; the last one stands for those that follow. A
//! single 401, 403 or 404 is a refusal: the same answer to the last byte, at the same cost, whether
//! the thing is there or not. In a project that is not there everybody but the admin is a stranger.

pub(super) const COLUMNS: [&str; 11] = [
    "nobody", "bad", "stranger", "reader", "writer", "maint", "owner", "admin", "tester",
    "limited", "robot",
];

/// Under `/v2`: a variant of `Endpoint`, the thing, and the scope that the challenge asks for.
pub(super) const REGISTRY: &str = "
#                                         nobody bad stranger reader  writer  maint   owner   admin   tester  limited robot
Version          -          -              401 401 200 200     200     200     200     200     200     200     200
ListRepositories -          catalog        401 401 200 200     200     200     200     200     200     200     200
GetBlob          blob       pull           401 401 401 200/404 200/404 200/404 200/404 200/404 200/404 200/404 200/404
HeadBlob         blob       pull           401 401 401 200/404 200/404 200/404 200/404 200/404 200/404 200/404 200/404
GetManifest      tag        pull           401 401 401 200/404 200/404 200/404 200/404 200/404 200/404 200/404 200/404
HeadManifest     digest     pull           401 401 401 200/404 200/404 200/404 200/404 200/404 200/404 200/404 200/404
ListTags         repository pull           401 401 401 200/404 200/404 200/404 200/404 200/404 200/404 200/404 200/404
ListReferrers    digest     pull           401 401 401 200     200     200     200     200     200     200     200
StartUpload      repository push           401 401 401 401     202     202     202     202     202     401     401
UploadBlob       repository push           401 401 401 401     201     201     201     201     201     401     401
MountBlob        blob       mount          401 401 401 401     201/202 201/202 201/202 201/202 201/202 401     401
AppendUpload     upload     push           401 401 401 401     202/404 202/404 202/404 202/404 202/404 401     401
FinishUpload     upload     push           401 401 401 401     201/404 201/404 201/404 201/404 201/404 401     401
GetUpload        upload     push           401 401 401 401     204/404 204/404 204/404 204/404 204/404 401     401
CancelUpload     upload     push           401 401 401 401     204/404 204/404 204/404 204/404 204/404 401     401
PutManifest      tag        push           401 401 401 401     201     201     201     201     201     401     401
DeleteManifest   tag        delete         401 401 401 401     401     202/404 202/404 202/404 401     401     401
DeleteBlob       blob       delete         401 401 401 401     401     202/404 202/404 202/404 401     401     401
";

/// The operations of the management API.
pub(super) const API: &str = "
#                                                              nobody bad stranger reader writer maint owner admin tester limited robot
GET    /api/v1/me                                                401 401 200 200     200     200     200     200     200     200     200
PUT    /api/v1/me/password                                       401 401 422 422     422     422     422     422     422     422     422
GET    /api/v1/users                                             401 401 404 404     404     404     404     200     404     404     404
POST   /api/v1/users                                             401 401 404 404     404     404     404     409/201 404     404     404
GET    /api/v1/users/{user}                                      401 401 404 404     404     404     404     200/404 404     404     404
PATCH  /api/v1/users/{user}                                      401 401 404 404     404     404     404     200/404 404     404     404
DELETE /api/v1/users/{user}                                      401 401 404 404     404     404     404     204/404 404     404     404
PUT    /api/v1/users/{user}/password                             401 401 404 404     404     404     404     200/404 404     404     404
GET    /api/v1/users/{user}/tokens                               401 401 404 404     404     404     404     200/404 404     404     404
POST   /api/v1/users/{user}/tokens                               401 401 404 404     404     404     404     404     404     404     404
DELETE /api/v1/users/{user}/tokens/{token}                       401 401 404 404     404     404     404     204/404 404     404     404
GET    /api/v1/users/{user}/sessions                             401 401 404 404     404     404     404     200/404 404     404     404
DELETE /api/v1/users/{user}/sessions                             401 401 404 404     404     404     404     204/404 404     404     404
DELETE /api/v1/users/{user}/sessions/{session}                   401 401 404 404     404     404     404     404/404 404     404     404
GET    /api/v1/robots                                            401 401 404 404     404     404     404     200     404     404     404
POST   /api/v1/robots                                            401 401 404 404     404     404     404     409/201 404     404     404
GET    /api/v1/robots/{robot}                                    401 401 404 404     404     404     404     200/404 404     404     404
PATCH  /api/v1/robots/{robot}                                    401 401 404 404     404     404     404     200/404 404     404     404
DELETE /api/v1/robots/{robot}                                    401 401 404 404     404     404     404     204/404 404     404     404
POST   /api/v1/robots/{robot}/secret                             401 401 404 404     404     404     404     200/404 404     404     404
GET    /api/v1/projects                                          401 401 200 200     200     200     200     200     200     200     200
POST   /api/v1/projects                                          401 401 404 404     404     404     404     409/201 404     404     404
GET    /api/v1/projects/{project}                                401 401 404 200/404 200/404 200/404 200/404 200/404 200/404 200/404 200/404
PATCH  /api/v1/projects/{project}                                401 401 404 404     404     404     200/404 200/404 404     404     404
DELETE /api/v1/projects/{project}                                401 401 404 404     404     404     409/404 409/404 404     404     404
GET    /api/v1/projects/{project}/robots                         401 401 404 404     404     200/404 200/404 200/404 404     404     404
POST   /api/v1/projects/{project}/robots                         401 401 404 404     404     409/201 409/201 409/201/404 404 404     404
GET    /api/v1/projects/{project}/robots/{robot}                 401 401 404 404     404     200/404 200/404 200/404 404     404     404
PATCH  /api/v1/projects/{project}/robots/{robot}                 401 401 404 404     404     200/404 200/404 200/404 404     404     404
DELETE /api/v1/projects/{project}/robots/{robot}                 401 401 404 404     404     204/404 204/404 204/404 404     404     404
POST   /api/v1/projects/{project}/robots/{robot}/secret          401 401 404 404     404     200/404 200/404 200/404 404     404     404
GET    /api/v1/projects/{project}/quota                          401 401 404 200/404 200/404 200/404 200/404 200/404 200/404 200/404 200/404
PUT    /api/v1/projects/{project}/quota                          401 401 404 404     404     404     404     200/404 404     404     404
GET    /api/v1/projects/{project}/members                        401 401 404 404     404     404     200/404 200/404 404     404     404
PUT    /api/v1/projects/{project}/members/{user}                 401 401 404 404     404     404     200/404 200/404 404     404     404
DELETE /api/v1/projects/{project}/members/{user}                 401 401 404 404     404     404     204/404 204/404 404     404     404
GET    /api/v1/projects/{project}/roles                          401 401 404 404     404     404     200/404 200/404 404     404     404
PUT    /api/v1/projects/{project}/roles/{role}                   401 401 404 404     404     404     200     200/200/404 404 404     404
DELETE /api/v1/projects/{project}/roles/{role}                   401 401 404 404     404     404     204/404 204/404 404     404     404
GET    /api/v1/projects/{project}/immutable-tags                 401 401 404 404     404     404     200/404 200/404 404     404     404
POST   /api/v1/projects/{project}/immutable-tags                 401 401 404 404     404     404     201/404 201/404 404     404     404
DELETE /api/v1/projects/{project}/immutable-tags/{rule}          401 401 404 404     404     404     404/404 404/404 404     404     404
GET    /api/v1/projects/{project}/retention                      401 401 404 404     404     404     200/404 200/404 404     404     404
PUT    /api/v1/projects/{project}/retention                      401 401 404 404     404     404     200/404 200/404 404     404     404
DELETE /api/v1/projects/{project}/retention                      401 401 404 404     404     404     204/404 204/404 404     404     404
POST   /api/v1/projects/{project}/retention/preview              401 401 404 404     404     404     200/404 200/404 404     404     404
GET    /api/v1/projects/{project}/retention/runs                 401 401 404 404     404     404     200/404 200/404 404     404     404
POST   /api/v1/projects/{project}/retention/runs                 401 401 404 404     404     404     202/404 202/404 404     404     404
GET    /api/v1/projects/{project}/retention/runs/{run}           401 401 404 404     404     404     404/404 404/404 404     404     404
GET    /api/v1/projects/{project}/retention/runs/{run}/removals  401 401 404 404     404     404     404/404 404/404 404     404     404
GET    /api/v1/repositories                                      401 401 200 200     200     200     200     200     200     200     200
GET    /api/v1/repositories?project={project}                    401 401 200 200     200     200     200     200     200     200     200
GET    /api/v1/repositories/{repository}                         401 401 404 200/404 200/404 200/404 200/404 200/404 200/404 200/404 200/404
DELETE /api/v1/repositories/{repository}                         401 401 404 404     404     204/404 204/404 204/404 404     404     404
GET    /api/v1/repositories/{repository}/tags                    401 401 404 200/404 200/404 200/404 200/404 200/404 200/404 200/404 200/404
GET    /api/v1/repositories/{repository}/tags/{tag}              401 401 404 200/404 200/404 200/404 200/404 200/404 200/404 200/404 200/404
PUT    /api/v1/repositories/{repository}/tags/{tag}              401 401 404 404     200/200/422 200/200/422 200/200/422 200/200/422 200/200/422 404 404
DELETE /api/v1/repositories/{repository}/tags/{tag}              401 401 404 404     404     204/404 204/404 204/404 404     404     404
GET    /api/v1/repositories/{repository}/images                  401 401 404 200/404 200/404 200/404 200/404 200/404 200/404 200/404 200/404
GET    /api/v1/repositories/{repository}/images/{reference}      401 401 404 200/404 200/404 200/404 200/404 200/404 200/404 200/404 200/404
DELETE /api/v1/repositories/{repository}/images/{reference}      401 401 404 404     404     204/404 204/404 204/404 404     404     404
GET    /api/v1/repositories/{repository}/images/{reference}/referrers 401 401 404 200/404 200/404 200/404 200/404 200/404 200/404 200/404 200/404
GET    /api/v1/upstreams                                         401 401 404 404     404     404     404     200     404     404     404
POST   /api/v1/upstreams                                         401 401 404 404     404     404     404     409/201 404     404     404
GET    /api/v1/upstreams/{upstream}                              401 401 404 404     404     404     404     200/404 404     404     404
PATCH  /api/v1/upstreams/{upstream}                              401 401 404 404     404     404     404     200/404 404     404     404
DELETE /api/v1/upstreams/{upstream}                              401 401 404 404     404     404     404     204/404 404     404     404
GET    /api/v1/groups                                            401 401 404 404     404     404     404     200     404     404     404
POST   /api/v1/groups                                            401 401 404 404     404     404     404     409/201 404     404     404
GET    /api/v1/groups/{group}                                    401 401 404 404     404     404     404     200/404 404     404     404
PATCH  /api/v1/groups/{group}                                    401 401 404 404     404     404     404     200/404 404     404     404
DELETE /api/v1/groups/{group}                                    401 401 404 404     404     404     404     204/404 404     404     404
GET    /api/v1/caches                                            401 401 404 404     404     404     404     200     404     404     404
GET    /api/v1/caches/{project}/hours                            401 401 404 404     404     404     404     200/404 404     404     404
POST   /api/v1/caches/warm                                       401 401 404 404     404     404     404     200     404     404     404
GET    /api/v1/deployments                                       401 401 200 200 200 200 200 200 200 200 200
POST   /api/v1/deployments                                       401 401 404 404 404 404 404 404 404 404 404
POST   /api/v1/deployments/plan                                  401 401 404 404 404 404 404 404 404 404 404
GET    /api/v1/deployments/{deployment}                          401 401 404 404 404 404 404 404 404 404 404
GET    /api/v1/deployments/{deployment}/steps                    401 401 404 404 404 404 404 404 404 404 404
GET    /api/v1/deployments/{deployment}/log                      401 401 404 404 404 404 404 404 404 404 404
GET    /api/v1/deployments/{deployment}/events                   401 401 404 404 404 404 404 404 404 404 404
POST   /api/v1/deployments/{deployment}/approve                  401 401 404 404 404 404 404 404 404 404 404
POST   /api/v1/deployments/{deployment}/cancel                   401 401 404 404 404 404 404 404 404 404 404
POST   /api/v1/deployments/{deployment}/rollback                 401 401 404 404 404 404 404 404 404 404 404
GET    /api/v1/targets                                           401 401 404 404 404 404 404 200 404 404 404
GET    /api/v1/targets/{target}/stacks                           401 401 404 404 404 404 404 404 404 404 404
PUT    /api/v1/targets/{target}/stacks/{stack}/hold              401 401 404 404 404 404 404 404 404 404 404
DELETE /api/v1/targets/{target}/stacks/{stack}/hold              401 401 404 404 404 404 404 404 404 404 404
PUT    /api/v1/targets/{target}/stacks/{stack}/services/{service}/pin 401 401 404 404 404 404 404 404 404 404 404
DELETE /api/v1/targets/{target}/stacks/{stack}/services/{service}/pin 401 401 404 404 404 404 404 404 404 404 404
GET    /api/v1/targets/{target}/stacks/{stack}/services/{service}/decisions 401 401 404 404 404 404 404 404 404 404 404
GET    /api/v1/deploy-rules                                      401 401 404 404 404 404 404 200 404 404 404
POST   /api/v1/deploy-rules                                      401 401 404 404 404 404 404 422 404 404 404
DELETE /api/v1/deploy-rules/{rule}                               401 401 404 404 404 404 404 404 404 404 404
GET    /api/v1/deletions                                         401 401 200 200 200 200 200 200 200 200 200
GET    /api/v1/deletions?project={project}                       401 401 200 200 200 200 200 200 200 200 200
POST   /api/v1/deletions/{deletion}/restore                      401 401 404 404 404 404 404 404 404 404 404
GET    /api/v1/activity                                          401 401 200 200 200 200 200 200 200 200 200
GET    /api/v1/attention                                         401 401 200 200 200 200 200 200 200 200 200
GET    /api/v1/collection                                        401 401 404 404 404 404 404 200 404 404 404
GET    /api/v1/collection/blobs                                  401 401 404 404 404 404 404 200 404 404 404
POST   /api/v1/collection/runs                                   401 401 404 404 404 404 404 200 404 404 404
GET    /api/v1/health                                            401 401 404 404 404 404 404 200 404 404 404
GET    /api/v1/audit                                             401 401 404 404     404     404     404     200     404     404     404
GET    /api/v1/audit?project={project}                           401 401 404 404     404     200     200     200     404     404     404
";

/// Every other path. Methods that have no row are answered 405.
pub(super) const OTHERS: &str = "
#                                       nobody bad stranger reader writer maint owner admin tester limited robot
GET    /livez                             200 200 200 200 200 200 200 200 200 200 200
GET    /readyz                            200 200 200 200 200 200 200 200 200 200 200
GET    /metrics                           401 401 403 403 403 403 403 200 403 403 403
GET    /.well-known/jwks.json             200 200 200 200 200 200 200 200 200 200 200
GET    /api/v1/openapi.json               200 200 200 200 200 200 200 200 200 200 200
GET    /token                             200 401 200 200 200 200 200 200 200 200 200
POST   /token                             400 401 200 200 200 200 200 200 200 200 200
GET    /v2                                401 401 200 200 200 200 200 200 200 200 200
GET    /v2/                               401 401 200 200 200 200 200 200 200 200 200
GET    /v2/{*rest}                        404 404 404 404 404 404 404 404 404 404 404
GET    /{prefix}/v2/                      401 401 200 200 200 200 200 200 200 200 200
GET    /{prefix}/v2/{*rest}               404 404 404 404 404 404 404 404 404 404 404
GET    /api/{*rest}                       404 404 404 404 404 404 404 404 404 404 404
";

/// A row of a table.
pub(super) struct Row {
    /// What stands before the statuses.
    pub(super) head: Vec<&'static str>,
    cells: Vec<Cell>,
}

/// What is expected of a caller.
#[derive(Clone, Debug)]
pub(super) struct Cell(Vec<u16>);

pub(super) fn rows(table: &'static str) -> Vec<Row> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let mut head: Vec<_> = line.split_whitespace().collect();
            let cells = head.split_off(head.len() - COLUMNS.len());
            Row {
                head,
                cells: cells.into_iter().map(Cell::read).collect(),
            }
        })
        .collect()
}

impl Row {
    pub(super) fn cell(&self, column: &str) -> &Cell {
        let index = COLUMNS.iter().position(|name| *name == column);
        &self.cells[index.unwrap_or_else(|| panic!("no column {column}"))]
    }

    /// The same, with another status for what is done.
    pub(super) fn answered_with(mut self, done: u16) -> Self {
        for cell in &mut self.cells {
            for status in &mut cell.0 {
                if (200..300).contains(status) {
                    *status = done;
                }
            }
        }
        self
    }

    pub(super) fn name(&self) -> String {
        self.head.join(" ")
    }
}

impl Cell {
    fn read(text: &str) -> Self {
        Self(text.split('/').map(|part| part.parse().unwrap()).collect())
    }

    pub(super) fn status(&self, absent: usize) -> u16 {
        self.0[absent.min(self.0.len() - 1)]
    }

    /// Whether the answer is the same whatever is there.
    pub(super) fn refusal(&self) -> bool {
        self.0.len() == 1 && [401, 403, 404].contains(&self.0[0])
    }
}
